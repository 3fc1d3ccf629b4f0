import assert from 'node:assert/strict'
import { Validator } from '@seriousme/openapi-schema-validator'
import { openApiDocument } from '../../../schemas/rest/openapi.js'
import { createOperations, type Operation } from '../../../schemas/rest/operations.js'

const SNAKE = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/

describe('the OpenAPI document, held to the rules of the house', () => {
  const operations: Readonly<Record<string, Operation>> = createOperations({
    pageLimitMax: 100,
    eventsPerRequestMax: 100,
    auditExportMax: 1_000,
  })
  const document = openApiDocument(operations, '1.2.3')
  const text = JSON.stringify(document)

  it('is valid OpenAPI 3.1', async function () {
    this.timeout(20_000) // the schema of OpenAPI is compiled first
    const { valid, errors } = await new Validator().validate(JSON.parse(text) as Record<string, unknown>)
    assert.ok(valid, JSON.stringify(errors))
  })

  for (const [name, operation] of Object.entries(operations))
    it(`${name}: one verb and what it is about, a summary without a full stop, an answer of success`, () => {
      assert.match(name, /^[a-z]+([A-Z][a-z]*)*$/)
      assert.match(operation.summary, /^[A-Z].*[^.]$/)
      assert.ok(Object.keys(operation.answers).some((status) => status.startsWith('2')))
      assert.match(operation.path, /^\/$|^(\/([a-z0-9.-]+|\{[a-z_]+\}))+$/)
    })

  it('names every field in snake_case', () => {
    const schemas = JSON.parse(text) as { components: { schemas: Record<string, { properties?: object }> } }
    for (const [schema, { properties = {} }] of Object.entries(schemas.components.schemas))
      for (const field of Object.keys(properties)) assert.match(field, SNAKE, `${schema}.${field}`)
  })

  it('says of every operation that is not open how the caller is known, and what happens when not', () => {
    const paths = document.paths as Record<string, Record<string, { security?: unknown[]; responses: object }>>
    for (const { method, path, access } of Object.values(operations)) {
      const described = paths[path]?.[method]
      assert.equal((described?.security ?? []).length, access === 'open' ? 0 : 2, `${method} ${path}`)
      if (access !== 'open')
        for (const status of ['401', '403', '429']) assert.ok(status in (described?.responses ?? {}))
    }
  })
})
