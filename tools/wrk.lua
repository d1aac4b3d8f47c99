-- Sends prepared requests, one JSON object a line ({"token", "body"}), each in turn.
local requests = {}
local at = 0

function init(args)
    for line in io.lines(args[1]) do
        local token = line:match('"token":"([^"]+)"')
        local body = line:match('"body":"(.*)","token"')
        local headers = { ["Authorization"] = "Bearer " .. token }
        if body then
            headers["Content-Type"] = "application/json"
            body = body:gsub('\\"', '"')
            requests[#requests + 1] = wrk.format("POST", "/api/v1/declarations", headers, body)
        else
            requests[#requests + 1] = wrk.format("GET", "/api/v1/me/code", headers)
        end
    end
    -- Nothing is made from here on, and walking so many requests again and again would take the service's time.
    collectgarbage("collect")
    collectgarbage("stop")
end

function request()
    at = at % #requests + 1
    return requests[at]
end

function done(summary)
    io.write(string.format('{"requests":%d,"us":%d,"non2xx":%d,"io_errors":%d}\n', summary.requests, summary.duration,
        summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
