#!/usr/bin/env node
// The guardian command: makes sure that packages and compiled code are there and fresh, then runs cli/main.
import { join } from 'node:path'
import { build, checkNode, ensureInstalled, root } from '../deploy/local/build.mjs'

const say = (text) => process.stderr.write(`${text}\n`)

checkNode()
try {
  await ensureInstalled(say)
  await build(say)
} catch (error) {
  say(error.message)
  process.exit(1)
}
process.argv[1] = join(root, 'dist', 'cli', 'main.js')
await import('../dist/cli/main.js')
