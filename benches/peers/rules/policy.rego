package bench

import rego.v1

default verdict := "deny"

verdict := "deny" if {
	count(deny) > 0
} else := "ask" if {
	count(ask) > 0
} else := "allow" if {
	count(allow) > 0
}

reads := {"read_text", "list_dir"}
aims := {"send_mail", "http_get", "http_request"}

allow contains "read" if {
	input.tool in reads
	input.zone == "workspace"
	input.access == "read"
}

allow contains "write" if {
	input.tool == "write_text"
	input.zone == "workspace"
	input.access == "write"
}

deny contains "secret" if input.zone == "secret"

deny contains "governing" if {
	input.zone == "self"
	input.access == "write"
}

deny contains "system" if {
	input.zone in {"system", "outside", "home"}
	input.access == "write"
}

ask contains "governing-read" if {
	input.tool in reads
	input.zone == "self"
	input.access == "read"
}

allow contains "docs" if {
	input.tool == "http_get"
	input.host == "docs.example.org"
}

allow contains "docs" if {
	input.tool == "http_get"
	endswith(input.host, ".example.net")
}

deny contains "inner" if input.host_class in {"private", "loopback", "link_local", "metadata"}

ask contains "request" if input.tool == "http_request"

allow contains "harmless" if {
	input.tool == "shell_exec"
	input.program in {"ls", "cat", "cargo", "git", "rm"}
}

ask contains "remove-tree" if {
	input.tool == "shell_exec"
	input.program == "rm"
	"recursive" in input.flags
}

deny contains "device" if {
	input.tool == "shell_exec"
	input.program in {"mkfs", "dd", "shutdown", "reboot"}
}

ask contains "push" if {
	input.tool == "shell_exec"
	input.program == "git"
	input.word == "push"
}

deny contains "push-force" if {
	input.tool == "shell_exec"
	input.program == "git"
	input.word == "push"
	"force" in input.flags
}

allow contains "pay-little" if {
	input.tool == "send_money"
	input.amount < 100
}

ask contains "pay-some" if {
	input.tool == "send_money"
	input.amount > 99
	input.amount < 1000
}

deny contains "pay-much" if {
	input.tool == "send_money"
	input.amount > 999
}

ask contains "mail" if input.category == "external_comms"

deny contains "after-secret" if {
	input.tool in aims
	input.read_secret
}

ask contains "risky-untrusted" if {
	input.risk == "high"
	input.untrusted
}
