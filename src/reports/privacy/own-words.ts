/**
 * Words that reports and fields use themselves. Anybody may try to log in as `connected` or call a laptop `server`: to replace such a
 * word wherever it stands would let a stranger rewrite the report, and in a sentence it tells nobody who is meant.
 */
import { FIELD_NAMES } from '../../fields.ts'

const WORDS = `a about above accepted access accessed according account accounts across act active acts after again against
age ago all allow allowed alone already also always am ambiguous among an and another answer answered any anybody anything
app are as asked at audit auditd away back backup be because been before began begin begins being below beside best between
beyond both break broken but by bytes came can cannot case certain chain change changed changes client clock closed cluster
column columns command commands complete completeness configuration configured connect connected connection connections
conntrack contained could count counted cover coverage covered critical daily data database date dated day days default
denied deny departed describe detection device devices did differ different disputed do document documented documents does
done down dropped during each either else empty end ended ends endpoint endpoints error errors even event events ever every
everybody evidence exact exception exceptions executed expected expired expires exposure fail failed failure file files find
finding findings firewall first flow flows follow for forwarded found from full gap gaps gateway gateways gave get give given
gives good grant granted grants greater group groups had half handshake has have he held her here high him his holder holders
hop hops host hosts hour hours how i id if in incident incidents inferred info input inside integrity interface interfaces
internal into invalid inventory ip is it its itself job just keep kept kernel key keys kind knew know known knows laptop large
last late later least ledger left length less level library like limit limits line lines list local log logged login logins
long lost low made mail make man manifest many mark marked matches may mean means measured medium member method might minute
minutes missing mode month months more most much must name named names neither network networks never new newest next nft
nftables no nobody none nor not note nothing now null number numbers of off often old older oldest on once one ones only open
opened or order other others out outcome outside over overlap own owner owners page part partly parts pass passed path peer
peers people per percent period person phone place plain poll polls port ports prefix present private proved proven public
question raw reach reached read reason recorded records refused rejected removed reply report reports requirement
requirements resource resources restricted review revoked right rights root row rows rule rules ruleset said same saw say
says second seconds section see seen send sent separate server servers session sessions set several shared she show shown
shows side signed silent since site sites so software some somebody something source sources spoke stale start started state
stated status still stop stopped store such sum support system table tcp test text than that the their them then there these
they thing this those though thousand through time times to today together too took total traffic transport tried true
tunnel two type udp unattributed uncatalogued under undocumented unknown unless until up update use used user users uses utc
value verdict verified version versions very via violation wait was way ways we web week weeks well went were what when where
whether which while who whole whom whose why will with within without wg work would write wrong year years yes yet you your`

/** Lower case. */
export const OWN_WORDS: ReadonlySet<string> = new Set([
  ...WORDS.split(/\s+/),
  ...FIELD_NAMES.flatMap((name) => name.toLowerCase().split(/[._@]/)),
])
