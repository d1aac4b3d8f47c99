-- Of two signatures over lists of one division at one instant, the second is a conflict.

-- Each time that what acts in a division is changed, by a signature or by taking a list back, is a row; two
-- who change it after the same number of changes collide.
CREATE TABLE area_turn (
    division TEXT NOT NULL,           -- code; empty is the whole country
    turn     BIGINT NOT NULL,         -- from 1
    PRIMARY KEY (division, turn)
);
