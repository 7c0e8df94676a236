# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# What the checks in a guest are written in. The host reads the lines that begin with
# "memlab-test:" and counts each "ok" and "not ok"; a check that does not reach its "done",
# or that asserts nothing, fails too.

# shellcheck disable=SC2034 # the other files use it
MEMLAB=/sys/kernel/debug/memlab

say() {
	echo "memlab-test: $*"
}

# pass NAME
pass() {
	say "ok $1"
}

# fail NAME WHY
fail() {
	local name=$1
	shift
	say "not ok $name: $(echo "$*" | tr '\n\t' '  ' | cut -c 1-400)"
}

# equal NAME GOT WANTED
equal() {
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1" "got \"$2\", wanted \"$3\""
	fi
}

# A process takes a twentieth of a second in a guest that checks everything: what there are
# hundreds of starts none.

# has TEXT REGEX: some line of TEXT matches the extended regular expression
has() {
	local line
	while IFS= read -r line; do
		# shellcheck disable=SC2076 # to busybox it is an expression, quoted or not
		[[ "$line" =~ "$2" ]] && return
	done <<-TEXT
		$1
	TEXT
	return 1
}

# matches NAME TEXT REGEX
matches() {
	if has "$2" "$3"; then
		pass "$1"
	else
		fail "$1" "no match of /$3/ in \"$2\""
	fi
}

# succeeds NAME COMMAND...: status 0
succeeds() {
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then
		pass "$name"
	else
		fail "$name" "status $?: $out"
	fi
}

# quiet NAME FILE: FILE is empty, or its lines are what is wrong
quiet() {
	if [ -s "$2" ]; then
		fail "$1" "$(head -n 3 "$2")"
	else
		pass "$1"
	fi
}

# put FILE LINE: one write; where it is refused, status 1 and the error's text alone, in $error too
put() {
	local said=/tmp/put-${1##*/}
	error=
	echo "$2" 2>"$said" >"$1" && return
	read -r error <"$said"
	# "sh: write error: Invalid argument"
	error=${error##*: }
	echo "$error"
	return 1
}

# line_of KEY FILE: the rest of the first line that begins with the word KEY, in $rest
line_of() {
	local key
	while read -r key rest; do
		[ "$key" != "$1" ] || return 0
	done <"$2"
	rest=
	return 1
}

load() {
	insmod /memlab.ko
}

# run CHECK...: each is a function check_CHECK
run() {
	local check began now
	for check; do
		say "check $check"
		read -r began now </proc/uptime
		"check_$check"
		say "done $check"
		read -r now _ </proc/uptime
		echo "# $check: ${began%.*} to ${now%.*} s"
	done
}
