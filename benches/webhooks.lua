-- Posts events with unique ids. Arguments: the file with the events' parts, four digits that identify
-- this load, and the number of different events (0: no event repeats).
local thread = 0
function setup(t)
  t:set("thread", thread)
  thread = thread + 1
end

function init(args)
  events = dofile(args[1])
  mark = args[2] .. thread
  distinct = tonumber(args[3])
  n = 0
end

function request()
  n = n + 1
  local number = distinct > 0 and n % distinct or n
  -- Between any two pieces stands the id.
  return table.concat(events[number % #events + 1], string.format("%s%010d", mark, number))
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d %d %d %.0f %.0f\n", summary.requests, summary.duration,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
