// The door of @millrace/console: every public name.

export { type Console, type ConsoleOptions, serveConsole } from './serve-console.ts'
