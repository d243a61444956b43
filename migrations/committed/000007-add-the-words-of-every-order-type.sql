--! Previous: sha1:cbc8fd2fe9e9d46b87270e360decc7193eb9d288
--! Hash: sha1:02839113f757d7d9bec0a5548cf909846973bd15
--! Message: Add the words of every order type

-- The words that orders of every type need. A new word cannot be used in the transaction that adds
-- it, so they have a migration of their own.
alter type matching.operation add value 'RELEASE';

alter type matching.event_kind add value 'PARKED';
alter type matching.event_kind add value 'TRIGGERED';
alter type matching.event_kind add value 'RELEASED';
alter type matching.event_kind add value 'PREVENTED';
alter type matching.event_kind add value 'PHASE';
alter type matching.event_kind add value 'INDICATIVE';
alter type matching.event_kind add value 'UNCROSSED';

alter type matching.end_reason add value 'STP_MAKER';
alter type matching.end_reason add value 'STP_DECREMENT';
alter type matching.end_reason add value 'GTD';
alter type matching.end_reason add value 'DAY';
alter type matching.end_reason add value 'AUCTION_ONLY';
alter type matching.end_reason add value 'EXECUTION_RULE_PRICE_RANGE_EXCEEDED';
alter type matching.end_reason add value 'OCO_TRIGGER';
alter type matching.end_reason add value 'OTO_PHASE_ONE_EXPIRED';
alter type matching.end_reason add value 'KILL_SWITCH';
alter type matching.end_reason add value 'DEADMAN';
alter type matching.end_reason add value 'DISCONNECT';
alter type matching.end_reason add value 'HALT_NOT_ALLOWED';
alter type matching.end_reason add value 'DELISTED';
alter type matching.end_reason add value 'EXCHANGE_CANCELED';

-- Refusals stand in the order of precedence.
alter type matching.refusal add value 'QUANTITY_MISSING' before 'PRICE_TICK';
alter type matching.refusal add value 'QUANTITY_NOT_ALLOWED' before 'PRICE_TICK';
alter type matching.refusal add value 'STOP_PRICE_MISSING' before 'PRICE_TICK';
alter type matching.refusal add value 'STOP_PRICE_NOT_ALLOWED' before 'PRICE_TICK';
alter type matching.refusal add value 'TRAILING_MISSING' before 'PRICE_TICK';
alter type matching.refusal add value 'TRAILING_NOT_ALLOWED' before 'PRICE_TICK';
alter type matching.refusal add value 'POST_ONLY_NOT_ALLOWED' before 'PRICE_TICK';
alter type matching.refusal add value 'DISPLAY_NOT_ALLOWED' before 'PRICE_TICK';
alter type matching.refusal add value 'EXPIRE_AT' before 'PRICE_TICK';
alter type matching.refusal add value 'STP_NOT_ALLOWED' before 'PRICE_TICK';
alter type matching.refusal add value 'BAD_LIST' before 'PRICE_TICK';
alter type matching.refusal add value 'STOP_PRICE_TICK' before 'LOT_SIZE';
alter type matching.refusal add value 'DISPLAY_LOT' before 'MIN_QUANTITY';
alter type matching.refusal add value 'TRAILING_DELTA' before 'NOTHING_TO_AMEND';
alter type matching.refusal add value 'ICEBERG_PARTS' before 'NOTHING_TO_AMEND';
alter type matching.refusal add value 'PRICE_COLLAR' before 'NOTHING_TO_AMEND';
alter type matching.refusal add value 'MAX_OPEN_ORDERS' before 'NOTHING_TO_AMEND';
alter type matching.refusal add value 'MAX_POSITION' before 'NOTHING_TO_AMEND';
alter type matching.refusal add value 'EXPIRED_REQUEST' before 'SYMBOL_HALTED';
alter type matching.refusal add value 'SYMBOL_DELISTED' before 'SYMBOL_HALTED';
alter type matching.refusal add value 'CANCEL_ONLY' before 'ORDER_FILLED';
alter type matching.refusal add value 'SYMBOL_CLOSED' before 'ORDER_FILLED';
alter type matching.refusal add value 'CALL_PHASE' before 'ORDER_FILLED';
alter type matching.refusal add value 'NOT_IN_CALL' before 'ORDER_FILLED';
alter type matching.refusal add value 'CANCELS_LOCKED' before 'ORDER_FILLED';
alter type matching.refusal add value 'CONDITION_FAILED' before 'NO_LIQUIDITY';
alter type matching.refusal add value 'WOULD_TRIGGER' before 'NO_LIQUIDITY';
alter type matching.refusal add value 'WOULD_TAKE' before 'NO_LIQUIDITY';
alter type matching.refusal add value 'QUOTE_QUANTITY' before 'INSUFFICIENT_FUNDS';
alter type matching.refusal add value 'LIST_REFUSED' before 'BATCH_ROLLED_BACK';
