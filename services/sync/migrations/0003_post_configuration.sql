-- Replaced by solution; nothing ever wrote to it.
DROP TABLE configuration;
