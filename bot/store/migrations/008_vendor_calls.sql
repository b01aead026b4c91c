-- How many calls went out to a service in a calendar month (UTC), by all processes, where the vendor does not tell.
CREATE TABLE vendor_calls (
    service text NOT NULL,
    month date NOT NULL CHECK (extract(day FROM month) = 1),
    calls bigint NOT NULL CHECK (calls >= 0),
    -- False once a call was made that may not be among them.
    whole boolean NOT NULL,
    PRIMARY KEY (service, month)
);
