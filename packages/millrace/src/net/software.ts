// Who we say we are (KIP-511): brokers count clients by it. A test compares the version with the
// package's.

export const softwareName = 'millrace'
export const softwareVersion = '0.1.0'
