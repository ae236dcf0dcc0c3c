-- The shop as one would build it on Redis: one script, so one step. It keeps the same promises; in its favour, a
-- category is only a count of seats sold from the front (nothing can be given back), ids are numbers drawn here
-- from those that the load generator sends, and a purchase answers with one number.
--
-- ARGV: four random numbers, and how many accounts and categories there are.
local account = ARGV[1] % ARGV[5]
local category = 'category:' .. (1 + ARGV[2] % ARGV[6])
local quantity = 1 + ARGV[3] % 4
local sale = 'sale:' .. account .. ':' .. ARGV[4]
if redis.call('EXISTS', sale) == 1 then return 2 end
if redis.call('SISMEMBER', 'accounts', account) == 0 then return 0 end
local facts = redis.call('HMGET', category, 'seats', 'sold', 'price', 'from', 'until')
local now = tonumber(redis.call('TIME')[1])
if now < tonumber(facts[4]) or now >= tonumber(facts[5]) then return 0 end
if facts[2] + quantity > tonumber(facts[1]) then return 0 end
redis.call('HINCRBY', category, 'sold', quantity)
redis.call('HSET', sale, 'category', category, 'first', facts[2] + 1, 'quantity', quantity, 'price', facts[3], 'date', now)
redis.call('RPUSH', 'sales:' .. account, sale)
return 1
