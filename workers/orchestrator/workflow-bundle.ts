import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker'
import { packageRoot } from '../../platform/package-root.js'

const dist = join(packageRoot, 'dist')

/** Where the bundle is: all workflows in one file, ready for a worker to load. */
export const bundlePath = join(dist, 'workflow-bundle.js')

const FINGERPRINT = '// fingerprint '

/**
 * Writes the bundle of the compiled workflows, unless the one there was made of the same files.
 * @returns whether it was written
 * @throws Error when a workflow imports what the sandbox does not allow
 */
export async function writeWorkflowBundle(): Promise<boolean> {
  const fingerprint = await sourcesFingerprint()
  if ((await bundledFingerprint()) === fingerprint) return false
  const code = await bundleWorkflows()
  const unfinished = `${bundlePath}.${process.pid}`
  await writeFile(unfinished, `${FINGERPRINT}${fingerprint}\n${code}`)
  await rename(unfinished, bundlePath)
  return true
}

/** Bundles the compiled workflows. @param interceptorModules that go into the bundle, too */
export async function bundleWorkflows(interceptorModules: readonly string[] = []): Promise<string> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(dist, 'workflows', 'index.js'),
    workflowInterceptorModules: [...interceptorModules],
    logger: new DefaultLogger('WARN'),
  })
  return code
}

/** @throws Error when there is no bundle: the build makes it */
export async function assertWorkflowBundle(): Promise<void> {
  if ((await bundledFingerprint()) === undefined) throw new Error('no workflow bundle in dist: run `npm run build`')
}

async function bundledFingerprint(): Promise<string | undefined> {
  if (!existsSync(bundlePath)) return undefined
  const [first] = (await readFile(bundlePath, 'utf8')).split('\n', 1)
  return first?.startsWith(FINGERPRINT) === true ? first.slice(FINGERPRINT.length) : undefined
}

/** Everything that can get into the bundle: what we compiled for it, and the SDK's own version. */
async function sourcesFingerprint(): Promise<string> {
  const hash = createHash('sha256')
  const sdk = createRequire(import.meta.url)('@temporalio/workflow/package.json') as { version: string }
  hash.update(sdk.version)
  for (const folder of ['domain', 'workflows']) {
    const files = await readdir(join(dist, folder), { recursive: true })
    for (const file of files.filter((name) => name.endsWith('.js')).sort())
      hash.update(`\0${folder}/${file}\0`).update(await readFile(join(dist, folder, file)))
  }
  return hash.digest('hex')
}
