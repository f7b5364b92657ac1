-- Requests that take turns with the cookies in a file, one to a line: `rotation.lua FILE [unique]`. With "unique" each
-- request has one more cookie, of the run's time and a count, so that no Cookie header is ever sent twice, in no run.
local requests, turn, count = {}, 0, 0
local run = os.time() .. "-"

function init(args)
  local unique = args[2] == "unique"
  for cookie in io.lines(args[1]) do
    local text = wrk.format("GET", nil, { ["Cookie"] = unique and cookie .. "; request=@@" or cookie })
    local before, after = text:match("^(.*)@@(.*)$")
    requests[#requests + 1] = unique and { before, after } or text
  end
end

function request()
  turn = turn % #requests + 1
  local text = requests[turn]
  if type(text) == "string" then return text end
  count = count + 1
  return text[1] .. run .. count .. text[2]
end
