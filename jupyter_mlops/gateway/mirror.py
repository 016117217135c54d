"""Copying requests to a shadow deployment, inside HAProxy: a queue, a few senders, and what became of the copies.

A client's request does nothing but put a copy into a bounded queue, so it neither waits for the shadow nor fails with it.
"""

from __future__ import annotations

from jupyter_mlops.core.service import Copies

SCRIPT = "mirror.lua"
COMMAND = "show mirror"
BUFFER_BYTES = 65_536
MOST_BYTES = 60_000
"""Of a body that is copied: HAProxy's buffer, less room for the head."""
SENDERS = 16
"""Copies under way at once."""
MOST_WAITING = 128
"""Copies that wait for a sender; what comes on top is dropped."""
ANSWER_S = 60
"""A shadow that takes longer counts as failed."""

_LUA = """\
local waiting = core.queue()
local counts = {}

local function count(deployment, what)
  local one = counts[deployment] or { answered = 0, failed = 0, dropped = 0 }
  counts[deployment] = one
  one[what] = one[what] + 1
end

local function copied(txn)
  local deployment = txn:get_var("txn.copy")
  local body = txn.f:req_body() or ""
  if tonumber(txn.f:req_hdr("content-length") or "") ~= #body or waiting:size() >= MOST_WAITING then
    return count(deployment, "dropped")
  end
  local headers = {}
  for name, values in pairs(txn.http:req_get_headers()) do
    if name ~= "host" and name ~= "content-length" and name ~= "connection" and name ~= "expect" then
      headers[name] = {}
      for number, value in pairs(values) do headers[name][number + 1] = value end
    end
  end
  headers["x-mlops-deployment"] = { deployment }
  waiting:push({ deployment = deployment, url = "http://mirror" .. txn.f:pathq(), headers = headers, body = body })
end

local function send(copy)
  local answer = core.httpclient():post({
    url = copy.url, headers = copy.headers, body = copy.body, dst = "DESTINATION", timeout = TIMEOUT_MS
  })
  return answer ~= nil and answer.status == 200
end

local function work()
  while true do
    local copy = waiting:pop_wait()
    local done, answered = pcall(send, copy)
    count(copy.deployment, done and answered and "answered" or "failed")
  end
end

core.register_action("copy", { "http-req" }, function(txn)
  if not pcall(copied, txn) then count(txn:get_var("txn.copy"), "dropped") end
end)
for _ = 1, SENDERS do core.register_task(work) end
core.register_cli({ "show", "mirror" }, "show mirror : what became of copied requests", function(applet)
  for deployment, one in pairs(counts) do
    applet:send(string.format("%s %d %d %d\\n", deployment, one.answered, one.failed, one.dropped))
  end
end)
"""


def script(socket: str) -> str:
    """Return the Lua program that HAProxy runs; copies go to the frontend on this socket."""
    text = _LUA.replace("DESTINATION", f"unix@{socket}").replace("TIMEOUT_MS", str(ANSWER_S * 1000))
    return text.replace("MOST_WAITING", str(MOST_WAITING)).replace("SENDERS", str(SENDERS))


def read_counts(answer: str) -> dict[str, Copies]:
    """Return what ``COMMAND`` answered, by deployment."""
    found = {}
    for line in answer.splitlines():
        fields = line.split()
        if len(fields) == 4 and all(field.isdecimal() for field in fields[1:]):  # noqa: PLR2004  # as the script writes it
            answered, failed, dropped = map(int, fields[1:])
            found[fields[0]] = Copies(answered=answered, failed=failed, dropped=dropped)
    return found


def added(first: dict[str, Copies], second: dict[str, Copies]) -> dict[str, Copies]:
    """Return both counts together."""
    return {name: first.get(name, Copies()) + second.get(name, Copies()) for name in first | second}
