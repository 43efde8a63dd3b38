//! GSM-7 and UCS-2.
