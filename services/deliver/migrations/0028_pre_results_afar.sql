-- What a receiver's package says of a pair is read from its SFTP server too; and where such a server is, of the last that was put there.
CREATE INDEX delivery_unreported_afar ON delivery (handed_at)
    WHERE channel = 'sftp' AND reported_at IS NULL AND state IN ('handed_over', 'confirmed');
CREATE INDEX delivery_put_on_sftp ON delivery (lane, delivery_id)
    WHERE channel = 'sftp' AND state IN ('handed_over', 'confirmed');
