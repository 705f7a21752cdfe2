"""What Redis does in one step. Times go through as text: in Lua they would lose their last digits when written."""

from __future__ import annotations

_OPEN = """
local kept = redis.call('HMGET', KEYS[1], 'closed_at', 'touched_at', 'version')
if not kept[2] or kept[1] ~= '' or tonumber(kept[2]) <= tonumber(ARGV[2]) then return false end
"""
_TOUCH = """
if tonumber(ARGV[1]) > tonumber(kept[2]) then
  redis.call('HSET', KEYS[1], 'touched_at', ARGV[1])
  redis.call('ZADD', KEYS[2], ARGV[1], ARGV[3])
end
"""

WRITE = f"""
-- keys: the thread, the open ones, the closed ones; now, idle before, id, version or '', state or '', '1' to close
{_OPEN}
if ARGV[4] ~= '' and kept[3] ~= ARGV[4] then return false end
{_TOUCH}
if ARGV[5] ~= '' then
  redis.call('HSET', KEYS[1], 'state', ARGV[5])
  redis.call('HINCRBY', KEYS[1], 'version', 1)
end
if ARGV[6] ~= '' then
  redis.call('HSET', KEYS[1], 'closed_at', ARGV[1])
  redis.call('ZREM', KEYS[2], ARGV[3])
  redis.call('ZADD', KEYS[3], ARGV[1], ARGV[3])
end
return 1
"""

ADD = f"""
-- keys: the thread, the open ones, its messages; now, idle before, id, and id and JSON of each message
{_OPEN}
{_TOUCH}
local said = {{}}
for at = 4, #ARGV, 2 do
  local there = redis.call('HGET', KEYS[3], ARGV[at])
  if not there then
    there = redis.call('HINCRBY', KEYS[1], 'last_seq', 1) .. ' ' .. ARGV[at + 1]
    redis.call('HSET', KEYS[3], ARGV[at], there)
  end
  said[#said + 1] = there
end
return said
"""

SWAP = """
-- keys: the messages; id, as it was, as it shall be
local there = redis.call('HGET', KEYS[1], ARGV[1])
if there ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
"""

PUT = """
-- keys: the note; as it was or '', as it shall be or '', how long it lives (ms)
local there = redis.call('GET', KEYS[1])
if (there or '') ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) return 1 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""

CLOSE_IDLE = """
-- keys: the thread, the open ones, the closed ones; idle before, id, idle
local kept = redis.call('HMGET', KEYS[1], 'closed_at', 'touched_at')
if not kept[2] or kept[1] ~= '' or tonumber(kept[2]) > tonumber(ARGV[1]) then return 0 end
local closed = string.format('%.0f', tonumber(kept[2]) + tonumber(ARGV[3]))
redis.call('HSET', KEYS[1], 'closed_at', closed)
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('ZADD', KEYS[3], closed, ARGV[2])
return 1
"""

ERASE = """
-- keys: the thread, the open ones, the closed ones, its messages, its customer's threads; id
local said = redis.call('HLEN', KEYS[4])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('SREM', KEYS[5], ARGV[1])
if redis.call('DEL', KEYS[1]) + redis.call('DEL', KEYS[4]) == 0 then return -1 end
return said
"""
