-- Looks at every answer: how many there were, how many were 200, how many brought a cookie.
local threads = {}
answers, ok, cookies = 0, 0, 0

function setup(thread)
  threads[#threads + 1] = thread
end

function response(status, headers)
  answers = answers + 1
  if status == 200 then ok = ok + 1 end
  if headers["Set-Cookie"] or headers["set-cookie"] then cookies = cookies + 1 end
end

function done()
  local sums = { answers = 0, ok = 0, cookies = 0 }
  for _, thread in ipairs(threads) do
    for name, sum in pairs(sums) do sums[name] = sum + thread:get(name) end
  end
  print(string.format("counts: answers=%d ok=%d cookies=%d", sums.answers, sums.ok, sums.cookies))
end
