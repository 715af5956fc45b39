// Loaded into every process of the test runner. A test file that is still alive when its time is
// over (a handle left open, a promise that never settles) is ended, and says what kept it alive.

const limitMs = Number(process.env.MILLRACE_TEST_FILE_TIMEOUT_MS ?? 0)

// The runner itself is not a test file: it lives as long as all of them together.
if (limitMs > 0 && process.env.NODE_TEST_CONTEXT !== undefined) {
  const timer = setTimeout(() => {
    const open = process.getActiveResourcesInfo().join(', ')
    console.error(`This test file did not end within ${limitMs / 1000} s. Still open: ${open}`)
    process.exit(1)
  }, limitMs + 2_000)
  timer.unref()
}
