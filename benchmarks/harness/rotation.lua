-- Requests that take turns with the cookies in a file, one to a line: `rotation.lua FILE [unique]`. With "unique" each
-- request has one more cookie that counts them, so that no Cookie header is ever sent twice.
local requests, turn, count = {}, 0, 0

function init(args)
  local unique = args[2] == "unique"
  for cookie in io.lines(args[1]) do
    local text = wrk.format("GET", nil, { ["Cookie"] = unique and cookie .. "; count=@@" or cookie })
    local before, after = text:match("^(.*)@@(.*)$")
    requests[#requests + 1] = unique and { before, after } or text
  end
end

function request()
  turn = turn % #requests + 1
  local text = requests[turn]
  if type(text) == "string" then return text end
  count = count + 1
  return text[1] .. count .. text[2]
end
