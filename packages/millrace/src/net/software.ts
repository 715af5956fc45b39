// Owns the software name and version that ApiVersions requests send (KIP-511); brokers count their
// clients by them. Caller: VersionNegotiation. Invariant: the version equals that of package.json;
// a test compares them.

export const softwareName = 'millrace'
export const softwareVersion = '0.1.0'
