"""Why a delivery waits, and how it goes on."""
