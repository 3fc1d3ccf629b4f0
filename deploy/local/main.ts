import { explainFault } from './local-fault.js'
import type { Compile } from './local-stack.js'
import { resetStack } from './reset-stack.js'
import { START_HELP, parseStackOptions } from './stack-settings.js'
import { startStack } from './start-stack.js'

/**
 * What `npm start` and `npm run reset` do once packages are installed; `bootstrap.mjs` calls it.
 * @param compile compiles what is out of date; undefined when nothing is
 * @returns the exit code
 */
export async function main(
  command: 'start' | 'reset',
  args: readonly string[],
  compile: Compile | undefined,
): Promise<number> {
  try {
    if (command === 'reset') return await reset()
    const options = parseStackOptions(args)
    if (!options.isHelp) return await startStack(options, compile)
    process.stdout.write(`${START_HELP}\n`)
    return 0
  } catch (error) {
    process.stderr.write(`${explainFault(error)}\n`)
    return 1
  }
}

async function reset(): Promise<number> {
  const removed = await resetStack()
  process.stdout.write(removed.length === 0 ? 'there was nothing to remove\n' : `removed ${removed.join(', ')}\n`)
  return 0
}
