import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { packageRoot } from '../../platform/package-root.js'
import { openApiDocument } from '../../schemas/rest/openapi.js'
import type { Operation, Operations } from '../../schemas/rest/operations.js'
import { escapeHtml, pageOfMarkdown } from '../markdown-page.js'
import type { Handlers, Reply } from './router.js'

type DocumentationName =
  'getIndex' | 'getOpenApi' | 'getDocs' | 'getDocsStyle' | 'getDocsBundle' | 'getDocsStart' | 'getRunbook'

/** The index, the OpenAPI document, Swagger UI from its package, and the runbook: no page loads anything from elsewhere. */
export function createDocumentationHandlers(
  operations: Operations,
  version: string,
): Pick<Handlers<Operations>, DocumentationName> {
  const document = openApiDocument(operations, version)
  const asset = (name: string) => cacheable(readFileSync(join(swaggerFolder(), name), 'utf8'))
  const replies: Readonly<Record<DocumentationName, Reply>> = {
    getIndex: { body: indexPage(operations, version) },
    getOpenApi: { body: document },
    getDocs: { body: DOCS_PAGE },
    getDocsStyle: asset('swagger-ui.css'),
    getDocsBundle: asset('swagger-ui-bundle.js'),
    getDocsStart: cacheable(DOCS_START),
    getRunbook: cacheable(pageOfMarkdown(readFileSync(join(packageRoot, 'docs', 'runbook.md'), 'utf8'))),
  }
  return {
    getIndex: () => replies.getIndex,
    getOpenApi: () => replies.getOpenApi,
    getDocs: () => replies.getDocs,
    getDocsStyle: () => replies.getDocsStyle,
    getDocsBundle: () => replies.getDocsBundle,
    getDocsStart: () => replies.getDocsStart,
    getRunbook: () => replies.getRunbook,
  }
}

const cacheable = (body: string): Reply => ({ body, headers: { 'cache-control': 'public, max-age=3600' } })

const swaggerFolder = (): string => dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))

const DOCS_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Clickstream Guardian API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`

const DOCS_START = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#swagger-ui', deepLinking: true, validatorUrl: null })
`

/** What answers without any parameter, and then ends. */
const canBeFollowed = ({ method, path, query, lane }: Operation): boolean =>
  method === 'get' && !path.includes('{') && lane !== 'stream' && query.safeParse({}).success

function indexPage(operations: Operations, version: string): string {
  const rows = Object.values<Operation>(operations)
    .filter(({ path }) => path !== '/' && (path === '/docs/runbook' || !path.startsWith('/docs/')))
    .map((operation) => {
      const { path, summary } = operation
      const shown = escapeHtml(path)
      const link = canBeFollowed(operation) ? `<a href="${shown}">${shown}</a>` : `<code>${shown}</code>`
      return `<dt>${link}</dt><dd>${escapeHtml(summary)}</dd>`
    })
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Clickstream Guardian</title>
</head>
<body>
<h1>Clickstream Guardian ${escapeHtml(version)}</h1>
<dl>
${rows.join('\n')}
</dl>
</body>
</html>
`
}
