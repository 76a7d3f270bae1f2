-- Posts calls with ids that never come again; the agent is always the same one.
local thread = 0
function setup(t)
  t:set("id", thread)
  thread = thread + 1
end

function init(args)
  n = 0
  run = args[1]
end

function request()
  n = n + 1
  local body = string.format(
    '{"event":"call.completed","timestamp":"2026-03-12T14:32:00Z","data":{"call_id":"%s-%d-%d",'
      .. '"direction":"inbound","from":"+14155550100","to":"+14155550199","agent_id":4999,'
      .. '"agent_name":"A","duration":185,"status":"completed","notes":"%s"}}',
    run, id, n, string.rep("x", 200))
  return wrk.format("POST", nil, { ["content-type"] = "application/json" }, body)
end

function response(status)
  if status ~= 200 then
    bad = (bad or 0) + 1
  end
end

function done(summary, latency)
  io.write(string.format("RESULT %d %d %d\n", summary.requests, summary.duration,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout))
end
