/** Topics, offsets and groups of the brokers. */
import { Admin, ConfigResourceTypes, ConfigSources, IncrementalAlterConfigOperationTypes } from '@platformatic/kafka'
import { AppError } from '../../errors.ts'
import { quoted } from '../../safe-text.ts'
import { type Admin as BusAdmin, type BusConnection, type Headers, OPENING_PATIENCE, type TopicState } from '../bus.ts'
import { clientOptions, discard, guarded } from './clients.ts'
import { failureOf, isAnswer, isRefused, isUnknownTopic } from './failures.ts'
import { untilDone } from './persistence.ts'

const OLDEST = -2n
const END = -1n
/** Attempts at a topic that is not there: of one made a moment ago not every broker knows. */
const UNKNOWN_TOPIC_ATTEMPTS_MAX = 5

/** Every call rejects with AppError: `no-server` after OPENING_PATIENCE, `refused` at once. */
export async function openAdmin(connection: BusConnection): Promise<BusAdmin> {
  const ending = new AbortController()
  let client = guarded(new Admin(clientOptions(connection)))

  const run = async <Result>(doing: string, act: (client: Admin) => Promise<Result>): Promise<Result> => {
    let isUnknown = 0
    try {
      return await untilDone(() => act(client), {
        stop: ending.signal,
        isFinal: (error) =>
          error instanceof AppError ||
          isRefused(error) ||
          (isUnknownTopic(error) && ++isUnknown >= UNKNOWN_TOPIC_ATTEMPTS_MAX),
        onFailure() {
          void discard(client)
          client = guarded(new Admin(clientOptions(connection)))
        },
        patience: OPENING_PATIENCE,
      })
    } catch (error) {
      throw failureOf(error, connection.brokers, doing)
    }
  }
  const listed = (topic: string, timestamp: bigint) =>
    run(`list offsets of topic ${quoted(topic)}`, async (admin) => {
      const count = await countOf(admin, topic)
      const partitions = Array.from({ length: count }, (_, partitionIndex) => ({ partitionIndex, timestamp }))
      const [answer] = await admin.listOffsets({ topics: [{ name: topic, partitions }] })
      const offsets = new Map(answer?.partitions.map(({ partitionIndex, offset }) => [partitionIndex, Number(offset)]))
      return partitions.map(({ partitionIndex }) => {
        const offset = offsets.get(partitionIndex)
        // A guess would pass for all that there is of the partition.
        if (offset === undefined || offset < 0)
          throw new Error(`no offset of partition ${partitionIndex} in the answer`)
        return offset
      })
    })
  const close = async () => {
    ending.abort(new AppError('no-server', 'the connection to Kafka was closed'))
    await discard(client)
  }

  try {
    await run('ask about topics', (admin) => admin.metadata({ topics: [] }))
  } catch (error) {
    await close()
    throw error
  }
  return {
    describe: (names) => run('describe topics', (admin) => describe(admin, names)),
    create: (topic) => run(`make topic ${quoted(topic.name)}`, (admin) => create(admin, topic)),
    grow: (topic, partitions) =>
      run(`grow topic ${quoted(topic)}`, async (admin) => {
        if ((await countOf(admin, topic)) === partitions) return
        await admin.createPartitions({ topics: [{ name: topic, count: partitions, assignments: null }] })
        await waitForLeaders(admin, topic, partitions)
      }),
    configure: (topic, configs) =>
      run(`configure topic ${quoted(topic)}`, (admin) =>
        admin.incrementalAlterConfigs({ resources: [{ ...resourceOf(topic), configs: settingsOf(configs) }] }),
      ),
    remove: (topic) => run(`remove topic ${quoted(topic)}`, (admin) => remove(admin, topic)),
    ends: (topic) => listed(topic, END),
    beginnings: (topic) => listed(topic, OLDEST),
    committed: (group, topic) =>
      run(`read offsets of group ${quoted(group)}`, (admin) => committed(admin, group, topic)),
    removeGroup: (group) => run(`remove group ${quoted(group)}`, (admin) => removeGroup(admin, group)),
    close,
  }
}

async function describe(admin: Admin, names: readonly string[]): Promise<readonly TopicState[]> {
  const existing = new Set(await admin.listTopics())
  const found = [...new Set(names)].filter((name) => existing.has(name))
  if (found.length === 0) return []
  const { topics } = await admin.metadata({ topics: [...found], forceUpdate: true })
  const described = await admin.describeConfigs({ resources: found.map(resourceOf) })
  const configs = new Map(
    described.map(({ resourceName, configs: all }) => [
      resourceName,
      all
        .filter(({ configSource }) => configSource === ConfigSources.DYNAMIC_TOPIC_CONFIG)
        .map(({ name, value }): [string, string] => [name, value ?? '']),
    ]),
  )
  return found.map((name) => ({
    name,
    partitions: topics.get(name)?.partitionsCount ?? 0,
    replicas: topics.get(name)?.partitions[0]?.replicas.length ?? 0,
    configs: Object.fromEntries(configs.get(name) ?? []),
  }))
}

/** A topic that exists already is made: an answer may have been lost. */
async function create(admin: Admin, { name, partitions, replicas, configs }: TopicState): Promise<void> {
  try {
    await admin.createTopics({
      topics: [name],
      partitions,
      replicas,
      configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
    })
  } catch (error) {
    if (!isAnswer(error, 'TOPIC_ALREADY_EXISTS')) throw error
  }
  await waitForLeaders(admin, name, partitions)
}

/** A topic that is gone is removed: an answer may have been lost. */
async function remove(admin: Admin, topic: string): Promise<void> {
  if (!(await admin.listTopics()).includes(topic)) return
  await admin.deleteTopics({ topics: [topic] })
}

async function committed(admin: Admin, group: string, topic: string): Promise<readonly number[]> {
  const partitionIndexes = Array.from({ length: await countOf(admin, topic) }, (_, partition) => partition)
  const [answer] = await admin.listConsumerGroupOffsets({
    groups: [{ groupId: group, topics: [{ name: topic, partitionIndexes }] }],
  })
  const found = answer?.topics.find(({ name }) => name === topic)?.partitions ?? []
  const offsets = new Map(found.map(({ partitionIndex, committedOffset }) => [partitionIndex, Number(committedOffset)]))
  return partitionIndexes.map((partition) => offsets.get(partition) ?? -1)
}

/** A group that nobody knows is forgotten already. */
async function removeGroup(admin: Admin, group: string): Promise<void> {
  try {
    await admin.deleteGroups({ groups: [group] })
  } catch (error) {
    if (!isAnswer(error, 'GROUP_ID_NOT_FOUND')) throw error
  }
}

/** Brokers learn of new partitions one after the other: who produces or reads next must not be told that there are none. */
async function waitForLeaders(admin: Admin, topic: string, partitions: number): Promise<void> {
  const { topics } = await admin.metadata({ topics: [topic], forceUpdate: true })
  const led = topics.get(topic)?.partitions.filter(({ leader }) => leader >= 0).length ?? 0
  if (led < partitions) throw new Error(`${led} of ${partitions} partitions of topic ${topic} have a broker that leads`)
}

async function countOf(admin: Admin, topic: string): Promise<number> {
  return (await admin.metadata({ topics: [topic], forceUpdate: true })).topics.get(topic)?.partitionsCount ?? 0
}

function resourceOf(topic: string): { resourceType: typeof ConfigResourceTypes.TOPIC; resourceName: string } {
  return { resourceType: ConfigResourceTypes.TOPIC, resourceName: topic }
}

/** One by one: what is not named stays as it is. */
function settingsOf(
  configs: Headers,
): { name: string; value: string; configOperation: typeof IncrementalAlterConfigOperationTypes.SET }[] {
  return Object.entries(configs).map(([name, value]) => ({
    name,
    value,
    configOperation: IncrementalAlterConfigOperationTypes.SET,
  }))
}
