# The client for machines with neither nc -U nor perl: bash can open TCP, so the daemon also listens on a loopback
# port. Any user of the machine can reach that port; the token in the file, which only its owner can read, opens it.
{ read -r port token <"$1/tcp" && exec 3<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null || exit 1
printf '%s %s\n' "$token" "$2" >&3
exec 4<&0
cat <&4 >&3 2>/dev/null 3<&- 4<&- &
exec cat <&3 3<&- 4<&-
