// The entry point of @millrace/console. It lists every public name by hand; no other file of the
// package is public.

export { type Console, type ConsoleOptions, serveConsole } from './serve-console.ts'
