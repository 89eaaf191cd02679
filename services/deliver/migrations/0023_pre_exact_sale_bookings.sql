-- A booking is of a delivery, or of a sale: its row hangs on either.
ALTER TABLE exact_booking DROP CONSTRAINT exact_booking_delivery_id_fkey;
COMMENT ON COLUMN exact_booking.delivery_id IS 'kind sales: of the sale';
