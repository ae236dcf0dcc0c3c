-- Requests for wrk: purchases as a buyer sends them, each with an account, a category, a quantity and a key of its
-- own. ACCOUNTS and OFFERS are files with an id, or an event's and a category's id, on each line; RUN makes
-- the keys of this run differ from those of others.
local threads = 0

function setup(thread)
    thread:set("no", threads)
    threads = threads + 1
end

local function lines(path)
    local found = {}
    for line in io.lines(path) do found[#found + 1] = line end
    return found
end

function init()
    accounts, offers, sent = lines(os.getenv("ACCOUNTS")), {}, 0
    for _, line in ipairs(lines(os.getenv("OFFERS"))) do
        local event, category = line:match("^(%x+),(%x+)$")
        offers[#offers + 1] = '","eventId":"' .. event .. '","categoryId":"' .. category .. '","quantity":'
    end
    math.randomseed(1000 * no + os.time() % 1000)
    local body = '{"accountId":"' .. accounts[1] .. offers[1] .. '1}'
    head = "POST " .. wrk.path .. " HTTP/1.1\r\nHost: " .. wrk.host .. "\r\nContent-Type: application/json\r\n" ..
        "Content-Length: " .. #body .. "\r\nIdempotency-Key: " .. os.getenv("RUN") .. "-" .. no .. "-"
end

function request()
    sent = sent + 1
    return head .. sent .. '\r\n\r\n{"accountId":"' .. accounts[math.random(#accounts)] ..
        offers[math.random(#offers)] .. math.random(4) .. '}'
end

function done(summary, latency)
    local ended = summary.requests - summary.errors.status
    io.write(string.format("RESULT %.0f %d %d %.3f %.3f\n", ended / summary.duration * 1e6, ended,
        summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout,
        latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
