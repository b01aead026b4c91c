-- Lines of which a request that was not understood may have meant one: offered as buttons, also after a restart.
ALTER TABLE requests ADD COLUMN choices json NOT NULL DEFAULT '[]';
