import assert from 'node:assert/strict'
import { serverNameOf } from '../../../../cli/ingest/server-name.js'

describe('serverNameOf', () => {
  it('is the name that all rotations of a log share', () => {
    for (const file of [
      ...[
        'access.log',
        '/var/log/nginx/access.log',
        'access.log.1',
        'access.log.2.gz',
        'access.log.30.zst',
        'access.log-20261006',
      ],
      ...[
        'access.log-20261006.gz',
        'access.log.2026-10-06',
        'access.log-20261006-1.xz',
        'access.log.old',
        'access.log-1791280800',
      ],
      ...['access-20261006.log', 'access.2026-10-06.log', 'access.log-2026100612.bz2', './access.log.1'],
    ])
      assert.match(serverNameOf(file), /^access\.log$/, file)
    assert.equal(serverNameOf('-'), 'stdin')
    assert.equal(serverNameOf('08-server-a.log'), '08-server-a.log')
    assert.equal(serverNameOf('web1.access.log.3'), 'web1.access.log')
    assert.equal(serverNameOf('u_ex261006.log'), 'u_ex261006.log')
    assert.notEqual(serverNameOf('server-1.log'), serverNameOf('server-2.log'))
  })
})
