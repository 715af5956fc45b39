export const addPerfCommand = (host: any) => {}
