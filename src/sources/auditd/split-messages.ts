/**
 * Messages of the kernel's multicast that hold LFs: nobody replaces them there, so a reader that splits at LF sees the rest of
 * one as lines of its own, which may look like records (formats.md 3.8, traps 2 and 3):
 *
 *   1325|audit(1795345087.023:131317): table=x family=2 op=forged pid=1
 *   type=USER_LOGIN msg=audit(1795340000.000:1): … res=success':2 family=1 entries=1 op=nft_register_table pid=5271 comm="nft"
 *
 * Proven: a NETFILTER_CFG without its right end, and a user message without its closing quote, followed by a line that brings
 * it. All up to there is one message. Not proven: a writer who puts such an end before the LF as well; the second half then
 * is a record like any other. Only RAW from auditd (which replaces LFs) or the binary stream is safe against that.
 */
import type { Line, SourceFile } from '../source.ts'
import type { Head } from './head.ts'
import { isUserMessageType, TYPE_NETFILTER_CFG } from './record-type.ts'

export type SplitMessage = {
  readonly line: Line
  readonly file: SourceFile
  readonly head: Head
  /** The lines behind it that may be its rest. */
  readonly rest: { readonly line: Line; readonly file: SourceFile }[]
  /** Text so far, joined by LF. */
  body: string
}

/** The kernel cuts a message at 8970 bytes; one as long as that has lost its end. */
const MESSAGE_MAX = 8900
/** nft's longest table name; the fields behind it take less than 400. */
const TABLE_NAME_MAX = 255
const TABLE_RECORD_MAX = TABLE_NAME_MAX + 400
const TABLE_END =
  /:\d{1,20} family=\d{1,3} entries=\d{1,10} op=[^ \n]{1,64} pid=\d{1,10}(?: subj=[^ \n]{1,256})? comm=(?:"[^"\n]*"|[0-9A-F]{1,64})$/

/** Null: the message is whole, or is none that can be split. */
export function openMessage(line: Line, file: SourceFile, head: Head): SplitMessage | null {
  if (head.shape !== 'netlink') return null
  const { type, bodyFrom } = head
  if (type !== TYPE_NETFILTER_CFG && !isUserMessageType(type)) return null
  const body = line.text.substring(bodyFrom)
  if (isWhole(type, body) || body.length > maxOf(type)) return null
  return { line, file, head, rest: [], body }
}

/** What the next line means for an open message: it goes on, ends with it, or never was one. */
export function extendMessage(message: SplitMessage, line: Line, file: SourceFile): 'open' | 'whole' | 'none' {
  message.rest.push({ line, file })
  message.body += `\n${line.text}`
  const { type } = message.head
  if (isWhole(type, message.body)) return 'whole'
  return message.body.length > maxOf(type) ? 'none' : 'open'
}

function maxOf(type: number): number {
  return type === TYPE_NETFILTER_CFG ? TABLE_RECORD_MAX : MESSAGE_MAX
}

function isWhole(type: number, body: string): boolean {
  if (type !== TYPE_NETFILTER_CFG) return !body.includes(" msg='") || (body.endsWith("'") && !body.endsWith("msg='"))
  const end = TABLE_END.exec(body)
  return end !== null && end.index <= 'table='.length + TABLE_NAME_MAX
}
