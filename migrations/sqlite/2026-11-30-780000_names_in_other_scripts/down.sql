-- Folded names stay as they are: an older version finds them as well.
SELECT 1;
