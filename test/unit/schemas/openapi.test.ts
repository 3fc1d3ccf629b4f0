import assert from 'node:assert/strict'
import { openApiDocument } from '../../../schemas/rest/openapi.js'
import { createOperations, type Operation } from '../../../schemas/rest/operations.js'
import { PROBLEMS, type ProblemCode } from '../../../schemas/rest/problem.js'

interface Described {
  readonly operationId: string
  readonly parameters?: readonly { readonly in: string; readonly name: string; readonly required?: boolean }[]
  readonly responses: Readonly<Record<string, { readonly content: Readonly<Record<string, unknown>> }>>
}

describe('the OpenAPI document', () => {
  const operations = createOperations({ pageLimitMax: 100, eventsPerRequestMax: 100, auditExportMax: 1_000 })
  const document = openApiDocument(operations, '1.2.3')
  const described = (operation: Operation): Described =>
    (document.paths as Record<string, Record<string, Described>>)[operation.path]?.[operation.method] as Described

  it('is OpenAPI 3.1 of this release', () => {
    assert.equal(document.openapi, '3.1.0')
    assert.equal(document.info.version, '1.2.3')
  })

  for (const [name, operation] of Object.entries<Operation>(operations))
    it(`describes ${name} with its parameters, answers and problems`, () => {
      const found = described(operation)
      assert.equal(found.operationId, name)
      const inPath = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter)
      const parameters = found.parameters ?? []
      assert.deepEqual(
        parameters.filter((parameter) => parameter.in === 'path' && parameter.required).map(({ name: id }) => id),
        inPath,
      )
      for (const [status, { contentType }] of Object.entries(operation.answers))
        assert.deepEqual(Object.keys(found.responses[status]?.content ?? {}), [contentType])
      const statuses = new Set(operation.problems.map((code: ProblemCode) => String(PROBLEMS[code].status)))
      for (const status of ['400', '500', ...statuses])
        assert.ok(found.responses[status]?.content['application/problem+json'], status)
    })

  it('names every filter of the list', () => {
    const names = described(operations.listAnomalies).parameters?.map(({ name }) => name)
    assert.deepEqual(names, [
      'topic',
      'session',
      'rule',
      'status',
      'mode',
      'verdict',
      'allowlisted',
      'from',
      'to',
      'limit',
      'cursor',
      'if-none-match',
      'cache-control',
    ])
  })

  it('lets no schema refer to one that is not there', () => {
    const text = JSON.stringify(document)
    const names = Object.keys(document.components?.schemas ?? {})
    for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g))
      assert.ok(names.includes(name ?? ''), name)
  })
})
