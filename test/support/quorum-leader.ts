import { connect } from 'node:net'

const DESCRIBE_QUORUM = 55

/**
 * The node id of the active controller, as a broker tells it. kafkajs cannot ask: with KRaft, the controller that it is
 * told of is any broker.
 */
export async function quorumLeader(address: string): Promise<number> {
  const { hostname, port } = new URL(`kafka://${address}`)
  const answer = await ask(hostname, Number(port), request())
  // Correlation id, tags, error code; one topic with its name; one partition with its number and its error code.
  const errorCode = answer.readInt16BE(5)
  const nameBytes = answer.readUInt8(8) - 1
  const partition = 8 + 1 + nameBytes + 1
  if (errorCode !== 0 || answer.readInt16BE(partition + 4) !== 0) throw new Error('the quorum could not be described')
  return answer.readInt32BE(partition + 6)
}

function request(): Buffer {
  const clientId = Buffer.from('quorum')
  const topic = Buffer.from('__cluster_metadata')
  const header = Buffer.alloc(10)
  header.writeInt16BE(DESCRIBE_QUORUM, 0)
  header.writeInt32BE(1, 4) // correlation id
  header.writeInt16BE(clientId.length, 8)
  const noTags = Buffer.from([0])
  const list = Buffer.from([2]) // compact arrays and strings count from one
  const name = Buffer.concat([Buffer.from([topic.length + 1]), topic])
  const partition = Buffer.alloc(4)
  const body = Buffer.concat([header, clientId, noTags, list, name, list, partition, noTags, noTags, noTags])
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length, 0)
  return Buffer.concat([length, body])
}

function ask(host: string, port: number, bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port }, () => socket.write(bytes))
    let received: Buffer = Buffer.alloc(0)
    socket.setTimeout(10_000, () => socket.destroy(new Error(`${host}:${port} did not answer`)))
    socket.on('error', reject).on('close', () => reject(new Error(`${host}:${port} closed the connection`)))
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return
      resolve(received.subarray(4))
      socket.destroy()
    })
  })
}
