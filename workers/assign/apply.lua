#!lua name=naru
-- The fence. All keys of a workspace lie in one slot (naru:{ws}:…), and only its leader writes them, through naru_apply:
-- one call writes one batch and adds its entries to the change log, or does nothing at all. No rules in here: rules live in C.
--
--   naru:{ws}:head   epoch of the reign, seq of the last change         naru:{ws}:lead   who leads, while the lease lasts
--   naru:{ws}:log    the change log, a stream: one message a batch, id <last seq>-<epoch>
--
-- KEYS of all three functions: head, lead, log.

local LOG_LENGTH = 8192

local allowed = { HSET = true, HDEL = true }

local function head_of(key)
    local h = redis.call('HMGET', key, 'epoch', 'seq')
    return tonumber(h[1] or '0') or 0, tonumber(h[2] or '0') or 0
end

-- name, ttl in ms (0: give the lease up), epoch wanted, '1' to renew that reign and nothing else
-- → { 'lead' | 'renewed' | 'held' | 'stale' | 'resigned', epoch, seq, holder }
local function lead(keys, args)
    local name, ttl, epoch, renew = args[1], tonumber(args[2]), tonumber(args[3]), args[4] == '1'
    local holder = redis.call('GET', keys[2])
    local head_epoch, seq = head_of(keys[1])
    if ttl == 0 then
        if holder == name then redis.call('DEL', keys[2]) end
        return { 'resigned', head_epoch, seq, '' }
    end
    if holder and holder ~= name then return { 'held', head_epoch, seq, holder } end
    if renew then
        if head_epoch ~= epoch then return { 'stale', head_epoch, seq, '' } end
        redis.call('SET', keys[2], name, 'PX', ttl)
        return { 'renewed', epoch, seq, name }
    end
    if epoch <= head_epoch then epoch = head_epoch + 1 end
    redis.call('HSET', keys[1], 'epoch', string.format('%.0f', epoch), 'seq', string.format('%.0f', seq))
    redis.call('SET', keys[2], name, 'PX', ttl)
    return { 'lead', epoch, seq, name }
end

-- epoch, seq: some router has seen changes beyond the head, so counting goes on after them
local function seat(keys, args)
    local epoch, seq = tonumber(args[1]), tonumber(args[2])
    local head_epoch, head_seq = head_of(keys[1])
    if head_epoch ~= epoch then return { 'stale', head_epoch, head_seq, '' } end
    if seq > head_seq then redis.call('HSET', keys[1], 'seq', string.format('%.0f', seq)) end
    return { 'ok', epoch, math.max(seq, head_seq), '' }
end

-- epoch, first seq, count of entries, entries, then commands: count of words, words …
-- → { 'ok' | 'duplicate' | 'stale' | 'gap', epoch, seq }; an error reply (and nothing written) for what is no batch at all
local function apply(keys, args)
    local epoch, first, count = tonumber(args[1]), tonumber(args[2]), tonumber(args[3])
    local head_epoch, seq = head_of(keys[1])
    local last, n, prefix = first + count - 1, #args, string.sub(keys[1], 1, -5)
    if head_epoch ~= epoch then return { 'stale', head_epoch, seq } end
    if count > 0 and seq >= last then
        local mine = redis.call('XRANGE', keys[3], string.format('%.0f-%.0f', last, epoch), string.format('%.0f-%.0f', last, epoch), 'COUNT', 1)
        if #mine == 1 then return { 'duplicate', epoch, seq } end
    end
    if seq ~= first - 1 then return { 'gap', head_epoch, seq } end

    local i = 5
    while i <= n do
        local words = tonumber(args[i])
        if not words or words < 2 or i + words > n or not allowed[args[i + 1]] or string.sub(args[i + 2], 1, #prefix) ~= prefix then
            return redis.error_reply('NARU not a batch')
        end
        i = i + words + 1
    end

    if count > 0 then
        local id = string.format('%.0f-%.0f', last, epoch)
        redis.call('XADD', keys[3], 'MAXLEN', '~', LOG_LENGTH, id, 'first', args[2], 'entries', args[4])
        redis.call('HSET', keys[1], 'seq', string.format('%.0f', last))
    end
    i = 5
    while i <= n do
        local words = tonumber(args[i])
        redis.call(unpack(args, i + 1, i + words))
        i = i + words + 1
    end
    return { 'ok', epoch, count > 0 and last or seq }
end

redis.register_function('naru_lead', lead)
redis.register_function('naru_seat', seat)
redis.register_function('naru_apply', apply)
