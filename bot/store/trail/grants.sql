-- What the bot needs and no more, for a role of its own: run as the owner of the tables, after migrating as the owner.
-- Before it: CREATE ROLE handrail_bot LOGIN PASSWORD '...';

GRANT USAGE ON SCHEMA public TO handrail_bot;
GRANT SELECT ON migrations TO handrail_bot;
GRANT SELECT, INSERT, UPDATE ON requests, postings, freezes, follows, tokens, health, people TO handrail_bot;
GRANT SELECT, INSERT, UPDATE ON vendor_turns, vendor_calls, credentials TO handrail_bot;
-- A yes may become a no, or be taken back, while its request waits; the trail keeps both.
GRANT SELECT, INSERT, UPDATE, DELETE ON votes TO handrail_bot;
GRANT SELECT, INSERT, UPDATE, DELETE ON deliveries TO handrail_bot;

-- The trail is read and added to. No grant lets this role change it, and only the owner may call audit_drop_archived().
GRANT SELECT, INSERT ON audit TO handrail_bot;
GRANT SELECT, UPDATE ON audit_head TO handrail_bot;
