def rename: if endswith(".\($params.from)") then .[:-($params.from | length)] + $params.to end;
# Rules have a host, certificates have hosts; not all of them do.
(.spec | .. | objects | select(has("host")).host) |= rename
| (.spec | .. | objects | select(has("hosts")).hosts[]) |= rename
