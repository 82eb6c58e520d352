#!/bin/sh
# Gathers what a gateway or an audited host knows about its WireGuard traffic into one capture directory that
# `peertrail replay` reads. Needs a POSIX shell and nothing of peertrail: no Node, no configuration.
#
#   sudo sh collect.sh [-o DIR] [-n HOSTNAME] [-t SECONDS]
#
#   -o DIR       where to; made new, an existing one must be empty (default: ./capture-<host>-<UTC time>)
#   -n HOSTNAME  what the machine is called in the inventory (default: what `uname -n` says)
#   -t SECONDS   record that long, at most 86400: conntrack's events, and every second the peers (default: one look at each)
#
# The files, as docs/operations.md describes them, in DIR/HOSTNAME:
#   kern.log, messages or syslog, else journal.json · audit.log · ulogd.json · conntrack.log, conntrack.stderr, conntrack.snapshots
#   wg.snapshots · ruleset.snapshots · <interface>.conf · hostfacts.json
# and at the top DIR/pipeline.yaml (the machine's time zone) and DIR/SHA256SUMS.
#
# What it holds itself to:
# - It only reads. No setting is changed, no service is started. Listing the ruleset may make the kernel load nf_tables.
# - No private and no preshared key is written: wg prints both, they are replaced before anything reaches the disk.
#   Stored configurations are copied by a list of harmless settings; hooks (PostUp and the like) become `(hidden)`.
# - Symbolic links and special files are not followed. What is written is for its owner alone (umask 077).
# - It leaves RESERVE_KB on the disk and stops writing before that.
# Everything else in a log is copied as it is: command lines and names of people among it. Keep the directory accordingly.
#
# Ends 0 when at least one source was gathered, 1 when none was, 2 for wrong usage, 130 when interrupted. What could not be had is
# said on standard error with the way to get it; the directory's name goes to standard output.
#
# For tests, COLLECT_ROOT stands before every path that is read. Commands are still this machine's.

# Words in backquotes are for people (SC2016); `a && b || c` is meant as it is (SC2015); a trap calls `interrupted` (SC2317).
# shellcheck disable=SC2015,SC2016,SC2317

set -u
umask 077
LC_ALL=C
PATH=${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL PATH
# Stamps of conntrack are local time: the machine's, not that of whoever calls.
unset TZ

SECONDS_MAX=86400
# Kilobytes that stay free on the disk written to.
RESERVE_KB=262144
# A rotation between listing and copying is noticed and the copy repeated, this often.
COPY_TRIES=3
# Written to within this many days counts as still being written.
ALIVE_DAYS=1

root=${COLLECT_ROOT:-}
out='' host='' seconds=0 dir='' child='' phase=begin sources=0 stopping='' polls_failed=0
got='' lacking=''
TAB=$(printf '\t')
NL='
'

say() { printf '%s\n' "collect.sh: $*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

usage() {
  [ $# -eq 0 ] || say "$*"
  say 'usage: collect.sh [-o DIR] [-n HOSTNAME] [-t SECONDS]'
  exit 2
}

# got FILE, lacking FILE WHY-AND-WAY: for the account at the end.
note_got() { got="$got  $1$NL"; }
note_lacking() { lacking="$lacking  $1: $2$NL"; }
# A file that a replay takes records from.
note_source() {
  sources=$((sources + 1))
  note_got "$1"
}

read_arguments() {
  while getopts o:n:t:h option; do
    case $option in
      o) out=$OPTARG ;;
      n) host=$OPTARG ;;
      t) seconds=$OPTARG ;;
      h) sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; exit 0 ;;
      *) usage ;;
    esac
  done
  shift $((OPTIND - 1))
  [ $# -eq 0 ] || usage "nothing is expected after the options: $1"
  [ -n "$host" ] || host=$(uname -n)
  case $host in
    '' | . | .. | -* | *[!a-zA-Z0-9._-]*) usage 'a host name of letters, digits, dots, - and _ is expected; give one with -n' ;;
  esac
  case $seconds in
    '' | *[!0-9]* | ??????*) usage "-t takes seconds, at most $SECONDS_MAX" ;;
  esac
  # A leading zero would make the number octal.
  seconds=$(printf '%s' "$seconds" | sed 's/^0*//')
  seconds=${seconds:-0}
  [ "$seconds" -le "$SECONDS_MAX" ] || usage "-t takes seconds, at most $SECONDS_MAX"
}

# A new directory, or an empty one of our own that nobody else can write to: no one can have put links there.
make_directory() {
  [ -n "$out" ] || out=capture-$host-$(date -u +%Y%m%dT%H%M%SZ)
  case $out in -*) out=./$out ;; esac
  if [ -e "$out" ] || [ -L "$out" ]; then
    [ -d "$out" ] && [ ! -L "$out" ] || usage "$out is no directory"
    [ -z "$(ls -A "$out")" ] || usage "$out is not empty; a capture is made in a new directory"
    [ -n "$(find "$out" -prune -user "$(id -u)" ! -perm -020 ! -perm -002)" ] ||
      usage "$out belongs to somebody else, or others may write to it"
  else
    mkdir "$out" || usage "cannot make $out"
  fi
  out=$(cd "$out" && pwd) || usage "cannot enter the directory"
  dir=$out/$host
  mkdir "$dir" || usage "cannot write to $out"
}

# 512-byte blocks that may still be written; 0 when nothing may. At most a terabyte.
room() {
  df -Pk "$out" 2>/dev/null | awk -v reserve="$RESERVE_KB" '
    NR == 2 { free = ($4 - reserve) * 2; if (free > 2147483647) free = 2147483647; if (free < 0) free = 0; printf "%.0f\n", free }'
}

# In a subshell: what runs in it from here on cannot make a file larger than the room left; it is ended (SIGXFSZ) or told so (EFBIG).
limit_files() {
  blocks=$(room)
  [ "$blocks" != 0 ] || return 1
  [ -z "$blocks" ] || ulimit -f "$blocks" 2>/dev/null || :
}

limited() { (limit_files && exec "$@"); }

# The time as the line before a dump has it. Taken before the command runs. busybox has no fractions.
now() {
  stamp=$(date -u +%Y-%m-%dT%H:%M:%S.%3N)
  case $stamp in
    *.[0-9][0-9][0-9]) ;;
    *) stamp=$(date -u +%Y-%m-%dT%H:%M:%S) ;;
  esac
  printf '%s+00:00\n' "$stamp"
}

# ---- what runs ---------------------------------------------------------------------------------------------------------------------

# `wg show all dump`: column 2 of an interface is its private key, column 3 of a peer the preshared key. Of a row of any other form
# nothing is kept.
hide_keys() {
  awk -F "$TAB" -v OFS="$TAB" '
    NF == 5 { if ($2 != "(none)") $2 = "(hidden)"; print; next }
    NF == 9 { if ($3 != "(none)") $3 = "(hidden)"; print; next }
    { print "(removed)" }'
}

# One poll. A failed one leaves nothing: a dated line without rows would say that every peer was gone.
poll_wireguard() {
  at=$(now)
  rows=$(wg show all dump 2>/dev/null) || return 1
  {
    printf '# %s %s\n' "$at" "$host"
    [ -z "$rows" ] || printf '%s\n' "$rows" | hide_keys
  } >>"$dir/wg.snapshots"
  rows=''
}

# What a program said, fit for a terminal.
first_words() { sed -n '1{s/[[:cntrl:]]//g;p;}' "$1" | cut -c 1-200; }

# dump FILE COMMAND…: its whole output with a dated line before it, or nothing.
dump() {
  file=$dir/$1
  shift
  at=$(now)
  if limited "$@" >"$dir/.dump" 2>"$dir/.said" && [ "$(room)" != 0 ]; then
    {
      printf '# %s %s\n' "$at" "$host"
      cat "$dir/.dump"
      [ ! -s "$dir/.dump" ] || [ -z "$(tail -c 1 "$dir/.dump")" ] || echo
    } >>"$file"
    result=0
  else
    result=1
  fi
  said=$(first_words "$dir/.said")
  rm -f "$dir/.dump" "$dir/.said"
  return "$result"
}

has_conntrack() { [ -e "$root/proc/sys/net/netfilter/nf_conntrack_count" ]; }
dump_conntrack() { dump conntrack.snapshots conntrack -L -o extended,id; }
dump_ruleset() { dump ruleset.snapshots nft -j -a list ruleset; }

# Somebody on this machine writes such a file already, and this run would only write the same a second time.
is_kept() {
  [ -f "$root/var/log/peertrail/$1" ] && [ ! -L "$root/var/log/peertrail/$1" ] && [ -s "$root/var/log/peertrail/$1" ] &&
    [ -n "$(find "$root/var/log/peertrail/$1" -prune -mtime "-$ALIVE_DAYS")" ]
}

start_conntrack() {
  # exec in the subshell itself: $! must be conntrack, which is told to end.
  (limit_files && exec conntrack -E -o extended,id,timestamp,ktimestamp,labels --buffer-size 16777216) \
    >"$dir/conntrack.log" 2>"$dir/conntrack.stderr" &
  child=$!
}

# Its last words, on SIGTERM, are how many events it has shown.
stop_conntrack() {
  [ -n "$child" ] || return 0
  kill "$child" 2>/dev/null
  wait "$child" 2>/dev/null
  child=''
}

# Whether each thing is looked at: its tool is here, the machine has what it shows, and nobody keeps the file already.
choose_looks() {
  looks_wireguard='' looks_dump='' looks_events='' looks_ruleset=''
  if is_kept wg.snapshots; then :
  elif ! have wg; then note_lacking wg.snapshots 'no `wg` here; on a gateway: apt-get install wireguard-tools, or dnf install wireguard-tools'
  elif ! rows=$(wg show all dump 2>/dev/null); then note_lacking wg.snapshots '`wg show all dump` failed; run this as root'
  elif [ -z "$rows" ]; then note_lacking wg.snapshots 'no WireGuard interface is up; on a gateway: wg-quick up <interface>'
  else looks_wireguard=1
  fi
  rows=''
  if ! has_conntrack; then
    note_lacking conntrack 'this machine tracks no connections (no nf_conntrack); load a ruleset with `ct state` on a gateway'
  elif ! have conntrack; then
    note_lacking conntrack 'no `conntrack` here; apt-get install conntrack, or dnf install conntrack-tools'
  else
    is_kept conntrack.snapshots || looks_dump=1
    is_kept conntrack.log || looks_events=1
  fi
  if is_kept ruleset.snapshots; then :
  elif have nft; then looks_ruleset=1
  else note_lacking ruleset.snapshots 'no `nft` here; apt-get install nftables, or name the verdicts of log prefixes in pipeline.yaml'
  fi
}

look_once() {
  [ -z "$looks_wireguard" ] || poll_wireguard || polls_failed=$((polls_failed + 1))
  if [ -n "$looks_ruleset" ] && ! dump_ruleset; then
    looks_ruleset=''
    note_lacking ruleset.snapshots "\`nft -j -a list ruleset\` failed ($said); run this as root"
  fi
  if [ -n "$looks_dump" ] && ! dump_conntrack; then
    looks_dump=''
    note_lacking conntrack.snapshots "\`conntrack -L\` failed ($said); run this as root"
  fi
}

record() {
  [ "$seconds" -gt 0 ] || return 0
  say "recording for $seconds seconds; an interrupt ends it early"
  second=0
  while [ "$second" -lt "$seconds" ] && [ -z "$stopping" ]; do
    sleep 1
    second=$((second + 1))
    [ -z "$looks_wireguard" ] || poll_wireguard || polls_failed=$((polls_failed + 1))
    if [ "$(room)" = 0 ]; then
      note_lacking recording "stopped after $second seconds: the disk is full but for a reserve of $RESERVE_KB kB"
      break
    fi
  done
  # What was there at both ends is known for the time between.
  [ -z "$looks_dump" ] || dump_conntrack
  [ -z "$looks_ruleset" ] || dump_ruleset
}

gather_running() {
  is_deaf=''
  choose_looks
  if [ "$seconds" -gt 0 ] && [ -n "$looks_events" ]; then
    start_conntrack
    # Time to subscribe: what begins after that is an event, what began before is in the dump.
    sleep 1
    if ! kill -0 "$child" 2>/dev/null; then
      note_lacking conntrack.log "\`conntrack -E\` ended at once ($(first_words "$dir/conntrack.stderr")); run this as root"
      child='' is_deaf=1
    fi
  fi
  phase=record
  look_once
  record
  [ -z "$child" ] || kill -0 "$child" 2>/dev/null || note_lacking conntrack.log '`conntrack -E` ended before the recording did; conntrack.stderr may say why'
  stop_conntrack
  phase=copy
  if [ ! -s "$dir/conntrack.log" ]; then
    [ ! -f "$dir/conntrack.log" ] || [ -n "$is_deaf" ] || note_lacking conntrack.log 'no connection began or ended meanwhile'
    rm -f "$dir/conntrack.log" "$dir/conntrack.stderr"
  fi
  for file in wg.snapshots conntrack.snapshots ruleset.snapshots conntrack.log; do
    [ ! -s "$dir/$file" ] || note_source "$file"
  done
  [ "$polls_failed" -eq 0 ] || note_lacking wg.snapshots "$polls_failed polls failed"
  if [ -n "$looks_events" ] && [ "$seconds" -eq 0 ]; then
    note_lacking conntrack.log 'events are not kept on this machine; record some with -t SECONDS, or enable peertrail-conntrack.service'
  fi
  if [ -n "$looks_wireguard" ] && [ "$seconds" -eq 0 ]; then
    note_lacking wg.snapshots 'one look only, so no moment lies between two of them; -t SECONDS looks every second'
  fi
}

# ---- log files ---------------------------------------------------------------------------------------------------------------------

# Whether NAME is BASE or one of its rotations, by number or by date, as it is or compressed with gzip.
is_member() {
  rest=${2#"$1"}
  rest=${rest%.gz}
  case $rest in
    '') return 0 ;;
    .[0-9]*) rest=${rest#.} ;;
    -[0-9]*) rest=$(printf '%s' "${rest#-}" | tr -d -) ;;
    *) return 1 ;;
  esac
  case $rest in *[!0-9]*) return 1 ;; esac
}

# Names of the family BASE in the directory FROM, one a line. Links and special files are left out.
members() {
  for each in "$1/$2" "$1/$2".* "$1/$2"-*; do
    [ -f "$each" ] && [ ! -L "$each" ] || continue
    name=${each##*/}
    is_member "$2" "$name" && printf '%s\n' "$name"
  done
}

# The same with inodes: differs after a rotation, not after a line was added.
members_with_inodes() {
  members "$1" "$2" | while read -r name; do ls -id "$1/$name" 2>/dev/null; done
}

# copy_family FROM BASE [TARGET]: 0 when something was copied. TARGET is what BASE is called in the capture.
copy_family() {
  from=$1 base=$2 target=${3:-$2} tries=0
  while :; do
    before=$(members_with_inodes "$from" "$base")
    copied='' unread='' partial=''
    for name in $(members "$from" "$base"); do
      [ -s "$from/$name" ] || continue
      copy=$dir/$target${name#"$base"}
      if [ ! -r "$from/$name" ]; then unread="$unread $name"
      elif limited cat "$from/$name" >"$copy" 2>/dev/null; then
        copied="$copied $copy"
        touch -r "$from/$name" "$copy" 2>/dev/null
      else
        rm -f "$copy"
        partial="$partial $name"
      fi
    done
    tries=$((tries + 1))
    [ "$before" != "$(members_with_inodes "$from" "$base")" ] && [ "$tries" -lt "$COPY_TRIES" ] || break
    # Names are safe to be split at blanks: is_member lets only digits, dots and - through after BASE. $dir may have blanks.
    (cd "$dir" && for each in $(members "$dir" "$target"); do rm -f "$each"; done)
  done
  for each in "$from/$base".*.xz "$from/$base".*.zst "$from/$base".*.bz2 "$from/$base"-*.xz "$from/$base"-*.zst; do
    [ ! -f "$each" ] || note_lacking "$target" "$each is not compressed with gzip; unpack a copy of it and collect that"
  done
  [ -z "$unread" ] || note_lacking "$target" "may not be read:$unread; run this as root"
  [ -z "$partial" ] || note_lacking "$target" "no room, or a read error:$partial; at least $RESERVE_KB kB must stay free"
  [ -n "$copied" ]
}

gather_packet_log() {
  has_packet_log=''
  for base in kern.log messages syslog; do
    if copy_family "$root/var/log" "$base"; then
      has_packet_log=1
      note_source "$base"
      break
    fi
  done
}

# auditd.conf may put it elsewhere; in the capture it is called audit.log all the same.
gather_audit_log() {
  has_audit_log=''
  path=$(sed -n 's/^[[:space:]]*log_file[[:space:]]*=[[:space:]]*\([^[:space:]]*\).*/\1/p' "$root/etc/audit/auditd.conf" 2>/dev/null | sed -n 1p)
  case $path in /*/*) ;; *) path=/var/log/audit/audit.log ;; esac
  folder=$root${path%/*}
  if [ -d "$folder" ] && [ ! -r "$folder" ]; then
    note_lacking audit.log "$folder may not be read; run this as root"
  elif copy_family "$folder" "${path##*/}" audit.log; then
    has_audit_log=1
    note_source audit.log
  fi
}

# What no log file has, from the journal: the kernel's messages, the audit records, or both.
gather_journal() {
  set --
  [ -n "$has_packet_log" ] || set -- "$@" _TRANSPORT=kernel
  [ -n "$has_audit_log" ] || set -- "$@" _TRANSPORT=audit
  [ $# -gt 0 ] || return 0
  if ! have journalctl; then problem='there is no journal either'
  elif ! limited journalctl -o json --all --quiet --no-pager "$@" >"$dir/journal.json" 2>/dev/null; then
    problem='the journal could not be read, or there was no room for it; run this as root'
  elif [ ! -s "$dir/journal.json" ]; then problem='the journal has none either'
  else
    note_source "journal.json ($*)"
    return 0
  fi
  rm -f "$dir/journal.json"
  [ -n "$has_packet_log" ] || note_lacking 'kern.log' "no kern.log, messages or syslog in /var/log; $problem. Log rules: deploy/nftables, deploy/rsyslog"
  [ -n "$has_audit_log" ] || note_lacking 'audit.log' "no audit log; $problem. On a host behind the gateway: install auditd and deploy/audit.rules"
}

gather_kept() {
  kept=$root/var/log/peertrail
  for base in wg.snapshots conntrack.snapshots ruleset.snapshots; do
    is_kept "$base" && copy_family "$kept" "$base" && note_source "$base (kept on this machine)"
  done
  if is_kept conntrack.log && copy_family "$kept" conntrack.log; then
    note_source 'conntrack.log (kept on this machine)'
    # Its runs are found by counting lines, so the rotated parts belong before it. They are rotated together with the log.
    members "$kept" conntrack.stderr | awk '
      { n = substr($0, 17); dated = n ~ /^-/; n = substr(n, 2) + 0; print (dated ? 100000000 - n : n) "\t" $0 }' |
      sort -rn | while IFS=$TAB read -r _ name; do
        case $name in
          *.gz) gzip -dc <"$kept/$name" ;;
          *) cat "$kept/$name" ;;
        esac 2>/dev/null
      done >"$dir/conntrack.stderr"
  fi
  for folder in /var/log /var/log/ulog /var/log/ulogd /var/log/peertrail; do
    if copy_family "$root$folder" ulogd.json; then
      note_source ulogd.json
      return 0
    fi
  done
}

# ---- configuration and facts ---------------------------------------------------------------------------------------------------------

# wg takes white space anywhere in a line, so it is removed before a setting is recognised. Comments name peers; one that could hold a
# key (24 digits of base64 or hex in a row) is left out.
harmless_settings() {
  awk '
    {
      sub(/\r$/, "")
      if (NR == 1) sub(/^\357\273\277/, "")
      hash = index($0, "#")
      comment = hash ? substr($0, hash) : ""
      content = hash ? substr($0, 1, hash - 1) : $0
      bare = tolower(content)
      gsub(/[ \t\v\f\r]/, "", bare)
      run = 0; longest = 0
      for (i = 1; i <= length(comment); i++) {
        if (substr(comment, i, 1) ~ /[A-Za-z0-9+\/]/) { if (++run > longest) longest = run } else run = 0
      }
      if (longest >= 24 || tolower(comment) ~ /psk|pass|secret|token|private *key|shared *key/) comment = ""
      equals = index(bare, "=")
      key = equals ? substr(bare, 1, equals - 1) : bare
      if (bare == "" && comment == "" && hash) next
      if (bare == "" || bare == "[interface]" || bare == "[peer]" ||
          key ~ /^(address|listenport|publickey|allowedips|endpoint|persistentkeepalive|fwmark|dns|mtu|table|saveconfig)$/) print content comment
      else if (key ~ /^(preup|postup|predown|postdown)$/) print substr(content, 1, index(content, "=")) " (hidden)"
      else if (comment != "") print comment
    }'
}

gather_configurations() {
  found=''
  for conf in "$root"/etc/wireguard/*.conf; do
    [ -f "$conf" ] && [ ! -L "$conf" ] || continue
    name=${conf##*/}
    case ${name%.conf} in '' | *[!a-zA-Z0-9_=+.-]* | ????????????????*) continue ;; esac
    if [ ! -r "$conf" ]; then note_lacking "$name" 'may not be read; run this as root'
    elif [ "$(room)" = 0 ]; then note_lacking "$name" 'no room on the disk'
    else
      harmless_settings <"$conf" >"$dir/$name"
      note_got "$name (without keys and hooks)"
      found=1
    fi
  done
  if [ -z "$found" ] && [ -d "$root/etc/wireguard" ] && [ ! -r "$root/etc/wireguard" ]; then
    note_lacking '<interface>.conf' '/etc/wireguard may not be read; run this as root'
  fi
}

# A JSON string; bytes that could break it are left out.
json() { printf '"%s"' "$(printf '%s' "$1" | tr -d '\000-\037\177' | sed 's/\\/\\\\/g; s/"/\\"/g')"; }

# IANA name of the machine's zone, else its offset as it is now.
find_timezone() {
  timezone=''
  if [ -L "$root/etc/localtime" ]; then
    timezone=$(readlink "$root/etc/localtime" | sed -n 's|.*/zoneinfo/||p' | sed 's#^\(posix\|right\)/##')
  elif [ -f "$root/etc/timezone" ]; then timezone=$(sed -n 1p "$root/etc/timezone")
  elif [ ! -e "$root/etc/localtime" ]; then timezone=UTC
  fi
  case $timezone in
    *[!a-zA-Z0-9_+/-]*) ;;
    [A-Z]*/[A-Z]* | UTC) return 0 ;;
  esac
  timezone=$(date +%z | sed 's/^\([+-][0-9][0-9]\)\([0-9][0-9]\)$/\1:\2/')
}

sysctl_lines() {
  separator=''
  for each in "$root"/proc/sys/net/netfilter/* "$root"/proc/sys/net/netfilter/nf_log/* \
    "$root"/proc/sys/net/ipv4/ip_forward "$root"/proc/sys/net/ipv6/conf/all/forwarding; do
    [ -f "$each" ] && [ -r "$each" ] || continue
    value=$(sed -n 1p "$each" 2>/dev/null) || continue
    name=$(printf '%s' "${each#"$root"/proc/sys/}" | tr / .)
    printf '%s\n    %s: %s' "$separator" "$(json "$name")" "$(json "$value")"
    separator=,
  done
}

# json_list: lines of standard input as a list of strings, at most 2000.
json_list() {
  separator=''
  printf '['
  sed -n 1,2000p | while IFS= read -r each; do
    printf '%s%s' "$separator" "$(json "$each")"
    separator=', '
  done
  printf ']'
}

# json_pairs SEPARATOR: lines `name<separator>value` as an object.
json_pairs() {
  separator=''
  printf '{'
  sed -n 1,200p | while IFS= read -r each; do
    case $each in *"$1"*) ;; *) continue ;; esac
    printf '%s%s: %s' "$separator" "$(json "${each%%"$1"*}")" "$(json "${each#*"$1"}")"
    separator=', '
  done
  printf '}'
}

problem() { printf '{ "problem": %s }' "$(json "$1")"; }

# Of os-release, without its quotes.
release_of() { sed -n "s/^$1=//p" "$root/etc/os-release" 2>/dev/null | sed -n "1s/^[\"']//;1s/[\"']\$//;1p"; }

# Modes and owners of /etc/wireguard and what is in it: names alone, nothing is opened.
file_facts() {
  separator=''
  for each in "$root/etc/wireguard" "$root"/etc/wireguard/*; do
    [ -e "$each" ] || [ -L "$each" ] || continue
    fact=$(stat -c '%F|%a|%u|%g|%s' "$each" 2>/dev/null) || continue
    case $fact in regular*) kind='file' ;; directory*) kind='directory' ;; symbolic*) kind='link' ;; *) kind='other' ;; esac
    printf '%s|%s\n' "$kind" "${fact#*|}" | {
      IFS='|' read -r kind mode uid gid size
      printf '%s\n    { "path": %s, "kind": "%s", "mode": "%04d", "uid": %s, "gid": %s, "size": %s }' \
        "$separator" "$(json "${each#"$root"}")" "$kind" "$mode" "$uid" "$gid" "$size"
    }
    separator=,
  done
  [ -n "$separator" ] || printf '{ "path": "/etc/wireguard", "problem": "%s" }' "$([ -e "$root/etc/wireguard" ] && echo 'not looked at' || echo 'no such file')"
}

# module_in RELEASE NAME: what the lists of a kernel's modules say of one; - and _ are the same in names of files.
module_in() {
  modules=$root/lib/modules/$1
  pattern="/$(printf '%s' "$2" | sed 's/_/[_-]/g')\.ko"
  if grep -q "$pattern" "$modules/modules.builtin" 2>/dev/null; then echo built-in
  elif [ ! -r "$modules/modules.builtin" ] || [ ! -r "$modules/modules.dep" ]; then echo unknown
  elif grep -q "^[^:]*$pattern" "$modules/modules.dep"; then echo available
  else echo absent
  fi
}

module_facts() {
  separator=''
  for each in wireguard nf_conntrack nf_conntrack_netlink nf_log_syslog nfnetlink_log nf_tables nft_log; do
    if grep -q "^$each " "$root/proc/modules" 2>/dev/null; then state=loaded
    elif [ -d "$root/sys/module/$each" ]; then state=built-in
    else state=$(module_in "$(uname -r)" "$each")
    fi
    printf '%s "%s": "%s"' "$separator" "$each" "$state"
    separator=,
  done
}

# Releases of kernels that can be booted, or of which modules are left.
kernel_names() {
  for each in "$root"/boot/vmlinu[xz]-* "$root"/lib/modules/*; do
    case $each in
      "$root"/boot/*) [ ! -f "$each" ] || printf '%s\n' "${each#"$root"/boot/vmlinu?-}" ;;
      *) [ ! -d "$each" ] || printf '%s\n' "${each##*/}" ;;
    esac
  done | grep '^[a-zA-Z0-9][a-zA-Z0-9._+~-]*$' | grep -v '^0-rescue' | sort -u | sed -n 1,100p
}

kernel_facts() {
  separator=''
  for release in $(kernel_names); do
    image=null
    for each in "$root/boot/vmlinuz-$release" "$root/boot/vmlinux-$release" "$root/lib/modules/$release/vmlinuz"; do
      [ "$image" = null ] && [ -f "$each" ] && image=$(stat -L -c %Y "$each" 2>/dev/null)000000
    done
    case $image in 000000) image=0 ;; esac
    printf '%s\n      { "release": %s, "hasImage": %s, "hasModules": %s, "imageAt": %s, "wireguard": "%s" }' "$separator" "$(json "$release")" \
      "$([ "$image" = null ] && echo false || echo true)" "$([ -d "$root/lib/modules/$release" ] && echo true || echo false)" \
      "$image" "$(module_in "$release" wireguard)"
    separator=,
  done
}

# Packages with a kernel image, what apt would install in their place, and how old its lists are.
package_facts() {
  if ! have dpkg-query || ! have apt-cache; then
    problem 'no packages of dpkg here, and lists of other package managers are not read'
    return 0
  fi
  packages=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 'linux-image*' 'proxmox-kernel*' 'pve-kernel*' 'raspberrypi-kernel*' 2>/dev/null |
    sed -n 's/^installed \([a-z0-9][a-z0-9.+-]*\)$/\1/p' | sort -u | sed -n 1,50p)
  if [ -z "$packages" ]; then
    problem 'no package with a kernel image is installed'
    return 0
  fi
  newest=$(for each in "$root"/var/lib/apt/lists/*Release "$root"/var/lib/apt/lists/*_Packages* "$root/var/lib/apt/periodic/update-success-stamp"; do
    stat -L -c %Y "$each" 2>/dev/null
  done | sort -n | sed -n '$p')
  # Names are split at line feeds on purpose.
  # shellcheck disable=SC2086
  apt-cache policy $packages 2>/dev/null | awk -v lists="${newest:+${newest}000000}" '
    /^[^ ].*:$/ { name = $0; sub(/:$/, "", name); sub(/:[a-z0-9]+$/, "", name) }
    /^  Installed: / { installed = $2 == "(none)" ? "" : $2 }
    /^  Candidate: / {
      candidate = $2 == "(none)" ? "" : $2
      list = list sprintf("%s\n        { \"name\": \"%s\", \"installed\": \"%s\", \"candidate\": \"%s\" }", separator, name, installed, candidate)
      separator = ","
    }
    END { printf "{ \"manager\": \"apt\", \"listsAt\": %s, \"packages\": [%s ] }", lists == "" ? "null" : lists, list }'
}

link_facts() {
  separator=''
  for each in "$root"/sys/class/net/*; do
    [ -r "$each/ifindex" ] || continue
    kind=$(sed -n 's/^DEVTYPE=//p' "$each/uevent" 2>/dev/null)
    [ -n "$kind" ] || case $([ -e "$each/tun_flags" ] && echo tun || sed -n 1p "$each/type" 2>/dev/null) in
      tun) kind=tun ;; 772) kind=loopback ;; 1) kind=ethernet ;; *) kind=other ;;
    esac
    printf '%s\n    { "name": %s, "index": %s, "kind": %s }' "$separator" "$(json "${each##*/}")" "$(sed -n 1p "$each/ifindex")" "$(json "$kind")"
    separator=,
  done
}

# Without the names of their processes: that takes a look at all of them.
packet_sockets() {
  awk '
    FILENAME == ARGV[1] { name[$1] = $2; next }
    $3 ~ /^[0-9]+$/ && $4 ~ /^[0-9a-f][0-9a-f][0-9a-f][0-9a-f]$/ && NF == 9 {
      type = $3 == 2 ? "datagram" : ($3 == 3 || $3 == 10) ? "raw" : "other"
      printf "%s\n    { \"type\": \"%s\", \"protocol\": \"%s\", \"linkIndex\": %d, \"link\": \"%s\", \"uid\": %d, \"process\": \"\", \"pid\": 0 }",
        separator, type, $4, $5, name[$5], $8
      separator = ","
    }' "$1" "$root/proc/net/packet"
}

# `index name` of links whose names are plain.
link_names() {
  for each in "$root"/sys/class/net/*; do
    case ${each##*/} in *[!a-zA-Z0-9_.@=+-]*) continue ;; esac
    [ ! -r "$each/ifindex" ] || printf '%s %s\n' "$(sed -n 1p "$each/ifindex")" "${each##*/}"
  done
}

program_facts() {
  separator=''
  for each in wg wg-quick nft conntrack auditctl journalctl ulogd sysctl timedatectl chronyc apt-cache; do
    printf '%s "%s": %s' "$separator" "$each" "$(json "$(command -v "$each" 2>/dev/null)")"
    separator=,
  done
}

# audit_facts OPTION: what auditctl says, or why it does not.
audit_facts() {
  if ! have auditctl; then problem 'auditctl is not installed'
  elif ! told=$(auditctl "$1" 2>/dev/null); then problem 'auditctl failed; run this as root'
  elif [ "$1" = -s ]; then printf '%s\n' "$told" | json_pairs ' '
  else printf '%s\n' "$told" | grep -v '^No rules$' | grep . | json_list
  fi
}

# yes_no NAME: of what timedatectl said.
yes_no() {
  case $(printf '%s\n' "$told" | sed -n "s/^$1=//p") in yes) echo true ;; no) echo false ;; *) echo null ;; esac
}

clock_facts() {
  if ! have timedatectl; then systemd=$(problem 'timedatectl is not installed')
  elif ! told=$(timedatectl show 2>/dev/null); then systemd=$(problem 'timedatectl: no answer')
  else systemd="{ \"timezone\": $(json "$timezone"), \"isNtpOn\": $(yes_no NTP), \"isSynchronized\": $(yes_no NTPSynchronized) }"
  fi
  chrony=$(problem 'chronyc did not answer')
  if have chronyc; then
    chrony=$(chronyc -n -c tracking 2>/dev/null | awk -F , '
      $3 ~ /^[0-9]+$/ && $5 ~ /^-?[0-9.]+$/ { printf "{ \"reference\": \"%s\", \"stratum\": %d, \"offset\": %.9f }", $2, $3, $5; found = 1; exit }
      END { if (!found) printf "{ \"problem\": \"chronyc did not answer\" }" }')
  fi
  printf '"systemd": %s, "chrony": %s' "$systemd" "$chrony"
}

reboot_facts() {
  if [ ! -e "$root/run/reboot-required" ]; then printf '[]'
  elif [ -s "$root/run/reboot-required.pkgs" ]; then sort -u "$root/run/reboot-required.pkgs" | json_list
  else printf '[""]'
  fi
}

gather_facts() {
  find_timezone
  synchronized=null
  [ ! -e "$root/run/systemd/timesync/synchronized" ] || synchronized=true
  link_names >"$dir/links"
  {
    printf '{\n  "version": 1,\n  "collected_by": "collect.sh",\n'
    printf '  "at": %s,\n  "host": %s,\n' "$(json "$(now)")" "$(json "$host")"
    printf '  "machine": { "system": %s, "distribution": %s, "hostname": %s },\n' \
      "$(json "$(release_of PRETTY_NAME)")" "$(json "$(release_of ID)")" "$(json "$(uname -n)")"
    printf '  "kernel": { "name": %s, "release": %s, "machine": %s, "version": %s,\n' \
      "$(json "$(uname -s)")" "$(json "$(uname -r)")" "$(json "$(uname -m)")" "$(json "$(uname -v)")"
    printf '    "bootId": %s, "modules": {%s } },\n' "$(json "$(sed -n 1p "$root/proc/sys/kernel/random/boot_id" 2>/dev/null)")" "$(module_facts)"
    printf '  "kernels": { "installed": [%s ], "rebootFor": %s,\n    "packages": %s },\n' "$(kernel_facts)" "$(reboot_facts)" "$(package_facts)"
    printf '  "timezone": %s,\n' "$(json "$timezone")"
    printf '  "clock": { "uptime": %s, "synchronized": %s, %s },\n' "$(json "$(cut -d ' ' -f 1 "$root/proc/uptime" 2>/dev/null)")" "$synchronized" "$(clock_facts)"
    printf '  "programs": {%s },\n' "$(program_facts)"
    printf '  "files": [%s ],\n' "$(file_facts)"
    printf '  "audit": { "rules": %s, "status": %s },\n' "$(audit_facts -l)" "$(audit_facts -s)"
    [ ! -d "$root/sys/class/net" ] || printf '  "links": [%s ],\n' "$(link_facts)"
    [ ! -r "$root/proc/net/packet" ] || printf '  "packetSockets": [%s ],\n' "$(packet_sockets "$dir/links")"
    printf '  "sysctls": {%s\n  }\n}\n' "$(sysctl_lines)"
  } >"$dir/hostfacts.json"
  rm -f "$dir/links"
  note_got hostfacts.json
  for name in acct timestamp events; do
    value=$(sed -n 1p "$root/proc/sys/net/netfilter/nf_conntrack_$name" 2>/dev/null)
    case $name:$value in
      *: | *:1) ;;
      acct:*) note_lacking 'bytes of flows' 'net.netfilter.nf_conntrack_acct is off; deploy/sysctl' ;;
      timestamp:*) note_lacking 'start and end of flows' 'net.netfilter.nf_conntrack_timestamp is off; deploy/sysctl' ;;
      events:*) note_lacking 'some events of flows' "net.netfilter.nf_conntrack_events is $value; deploy/sysctl" ;;
    esac
  done
}

write_pipeline() {
  {
    echo '# What collect.sh found out about this machine. docs/config.md says what else can stand here.'
    echo "# To change it, copy it and replay with --pipeline COPY: this file is in SHA256SUMS."
    case $timezone in [+-]*) echo '# The zone has no name here; this is its offset when the capture was made. Put a name in if clocks change.' ;; esac
    printf 'hosts:\n  "%s":\n    timezone: "%s"\n' "$host" "$timezone"
  } >"$out/pipeline.yaml"
}

# ---- the end -------------------------------------------------------------------------------------------------------------------------

digest() {
  if have sha256sum; then sha256sum "$@"
  elif have shasum; then shasum -a 256 "$@"
  elif have openssl; then openssl dgst -sha256 -r "$@"
  else return 1
  fi
}

# Names are our own and the ones is_member lets through: no blanks at their ends, no line feeds, no backslashes.
write_sums() {
  if ! digest </dev/null >/dev/null 2>&1; then
    note_lacking SHA256SUMS 'no sha256sum, shasum or openssl here; make it with sha256sum elsewhere, as soon as you can'
    return 0
  fi
  (
    cd "$out" || exit 1
    find . -type f ! -path ./SHA256SUMS | sed 's|^\./||' | sort | while IFS= read -r name; do digest "$name" || exit 1; done
  ) >"$out/SHA256SUMS" || note_lacking SHA256SUMS 'could not be completed'
  [ ! -s "$out/SHA256SUMS" ] || sum_of_sums=$(digest "$out/SHA256SUMS" | cut -d ' ' -f 1)
}

account() {
  [ -z "$got" ] || printf 'gathered in %s:\n%s' "$dir" "$got" >&2
  [ -z "$lacking" ] || printf 'not gathered, and how to get it:\n%s' "$lacking" >&2
  if [ -n "${sum_of_sums:-}" ]; then
    printf 'SHA-256 of SHA256SUMS: %s\nNote it somewhere else: with it, later changes of the capture show.\n' "$sum_of_sums" >&2
  fi
  printf '%s\n' "$out"
  [ "$sources" -gt 0 ] || say 'no source was gathered'
  [ "$sources" -gt 0 ]
}

# While recording, an interrupt only ends that. Before and after, a half capture is worth nothing.
interrupted() {
  if [ "$phase" = record ]; then
    stopping=1
    return 0
  fi
  say "interrupted; ${dir:-nothing} is incomplete"
  exit 130
}

trap interrupted HUP INT TERM
trap 'stop_conntrack' EXIT
read_arguments "$@"
make_directory
gather_running
gather_packet_log
gather_audit_log
gather_journal
gather_kept
gather_configurations
gather_facts
write_pipeline
write_sums
phase=end
account
exit $?
