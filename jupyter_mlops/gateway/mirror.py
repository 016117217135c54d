"""Copying requests to a shadow deployment, inside HAProxy: a filter, a few senders, and what became of the copies.

A client's request passes on as it comes. The filter only looks at it, keeps what it sees, and puts the whole into a bounded
queue, so a body may be as long as replicas take it and come in chunks, and the request neither waits for the shadow nor fails
with it.
"""

from __future__ import annotations

from jupyter_mlops.core.service import Copies

SCRIPT = "mirror.lua"
COMMAND = "show mirror"
FILTER = "filter lua.copy"
SENDERS = 16
"""Copies under way at once."""
MOST_WAITING = 128
"""Copies that wait for a sender; what comes on top is dropped."""
HELD_BYTES = 64 << 20
"""Of all bodies together that are kept, or twice the longest that a replica takes. What would be more is dropped."""
ANSWER_S = 60
"""A shadow that takes longer counts as failed."""

_LUA = """\
local MOST_BYTES = tonumber((...))
local HELD_BYTES = math.max(FEWEST_BYTES, 2 * MOST_BYTES)
local OWN = {
  host = true, connection = true, expect = true, ["content-length"] = true, ["transfer-encoding"] = true,
  ["x-mlops-deployment"] = true
}
local waiting = core.queue()
local counts = {}
local held = 0

local function count(deployment, what)
  local one = counts[deployment] or { answered = 0, failed = 0, dropped = 0 }
  counts[deployment] = one
  one[what] = one[what] + 1
end

local function let_go(copy)
  held = held - copy.n_bytes
  copy.n_bytes, copy.parts = 0, nil
end

local function drop(copy)
  let_go(copy)
  count(copy.deployment, "dropped")
end

local function seen(txn, message, deployment)
  local headers, sent = {}, message:get_headers()
  for name, values in pairs(sent) do
    if not OWN[name] then
      headers[name] = {}
      for number, value in pairs(values) do headers[name][number + 1] = value end
    end
  end
  headers["x-mlops-deployment"] = { deployment }
  local copy = { deployment = deployment, url = "http://mirror" .. txn.f:pathq(), headers = headers }
  copy.n_bytes, copy.parts = 0, {}
  local n_bytes = sent["content-length"] and tonumber(sent["content-length"][0]) or 0
  return n_bytes <= MOST_BYTES and copy or nil
end

local Filter = { id = "copy", flags = filter.FLT_CFG_FL_HTX }
Filter.__index = Filter

function Filter:new() return setmetatable({}, Filter) end

function Filter:http_headers(txn, message)
  local deployment = not message.channel:is_resp() and txn:get_var("txn.copy")
  if deployment then
    local done, copy = pcall(seen, txn, message, deployment)
    if done and copy then
      self.copy = copy
      filter.register_data_filter(self, message.channel)
    else
      count(deployment, "dropped")
    end
  end
  return filter.CONTINUE
end

function Filter:http_payload(txn, message)
  local copy = self.copy
  local part = copy and not message.channel:is_resp() and message:body()
  if not part or part == "" then return end
  held = held + #part
  copy.n_bytes = copy.n_bytes + #part
  copy.parts[#copy.parts + 1] = part
  if held > HELD_BYTES or copy.n_bytes > MOST_BYTES then
    self.copy = nil
    drop(copy)
  end
end

function Filter:http_end(txn, message)
  local copy = self.copy
  if copy and not message.channel:is_resp() then
    self.copy = nil
    if waiting:size() < MOST_WAITING then waiting:push(copy) else drop(copy) end
  end
  return filter.CONTINUE
end

function Filter:end_analyze(txn, channel)
  if self.copy and not channel:is_resp() then
    let_go(self.copy)
    self.copy = nil
  end
  return filter.CONTINUE
end

local function send(copy)
  local body = #copy.parts > 0 and table.concat(copy.parts) or nil
  copy.parts = nil
  if not body then copy.headers["content-length"] = { "0" } end
  local answer = core.httpclient():post({
    url = copy.url, headers = copy.headers, body = body, dst = "DESTINATION", timeout = TIMEOUT_MS
  })
  return answer ~= nil and answer.status == 200
end

local function work()
  while true do
    local copy = waiting:pop_wait()
    local done, answered = pcall(send, copy)
    count(copy.deployment, done and answered and "answered" or "failed")
    let_go(copy)
  end
end

core.register_filter("copy", Filter, function(one) return one end)
for _ = 1, SENDERS do core.register_task(work) end
core.register_cli({ "show", "mirror" }, "show mirror : what became of copied requests", function(applet)
  for deployment, one in pairs(counts) do
    applet:send(string.format("%s %d %d %d\\n", deployment, one.answered, one.failed, one.dropped))
  end
end)
"""


def load(most_bytes: int) -> str:
    """Return the line that makes HAProxy run the program; bodies that are longer are none that a replica takes."""
    return f"lua-load {SCRIPT} {most_bytes}"


def script(socket: str) -> str:
    """Return the Lua program; copies go to the frontend on this socket."""
    text = _LUA.replace("DESTINATION", f"unix@{socket}").replace("TIMEOUT_MS", str(ANSWER_S * 1000))
    text = text.replace("FEWEST_BYTES", str(HELD_BYTES)).replace("MOST_WAITING", str(MOST_WAITING))
    return text.replace("SENDERS", str(SENDERS))


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
