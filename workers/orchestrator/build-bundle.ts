import { writeWorkflowBundle } from './workflow-bundle.js'

const written = await writeWorkflowBundle()
process.stderr.write(`workflow bundle ${written ? 'written' : 'up to date'}\n`)
