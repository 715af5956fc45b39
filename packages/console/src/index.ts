// The entry point of @millrace/console: every public name. Nothing else of the package is public.

export { type Console, type ConsoleOptions, serveConsole } from './serve-console.ts'
