-- SQLite makes a table in memory for a list of more than two words each time
-- that a check compares with one, which took three quarters of the time of an
-- insert into jobs. Comparisons say the same.
--
-- A check cannot be altered, and copying every row to say the same differently
-- would be a waste, so the statements that made the tables are rewritten, which
-- SQLite documents for checks.

PRAGMA writable_schema = ON;

UPDATE sqlite_schema SET sql = replace(replace(replace(sql,
'phase IN (
            ''queued'', ''running'', ''awaiting_approval'', ''needs_review'',
            ''approved'', ''rejected'', ''succeeded'', ''failed'', ''cancelled'', ''halted''
        )',
'phase = ''queued'' OR phase = ''running'' OR phase = ''awaiting_approval''
        OR phase = ''needs_review'' OR phase = ''approved'' OR phase = ''rejected''
        OR phase = ''succeeded'' OR phase = ''failed'' OR phase = ''cancelled''
        OR phase = ''halted'''),
'phase IN (''rejected'', ''succeeded'', ''failed'', ''cancelled'', ''halted'')',
'
            phase = ''rejected'' OR phase = ''succeeded'' OR phase = ''failed''
            OR phase = ''cancelled'' OR phase = ''halted''
        '),
'start IN (''base'', ''continue'', ''publish'')',
'start = ''base'' OR start = ''continue'' OR start = ''publish''')
WHERE type = 'table' AND name = 'jobs';

UPDATE sqlite_schema SET sql = replace(sql,
'phase IN (''leased'', ''preparing'', ''executing'', ''publishing'', ''parked'', ''finished'')',
'phase = ''leased'' OR phase = ''preparing'' OR phase = ''executing''
        OR phase = ''publishing'' OR phase = ''parked'' OR phase = ''finished''')
WHERE type = 'table' AND name = 'runs';

UPDATE sqlite_schema SET sql = replace(sql,
'worst IN (''info'', ''warn'', ''block'')',
'
        worst = ''info'' OR worst = ''warn'' OR worst = ''block''
    ')
WHERE type = 'table' AND name = 'scans';

UPDATE sqlite_schema SET sql = replace(sql,
'severity IN (''info'', ''warn'', ''block'')',
'
        severity = ''info'' OR severity = ''warn'' OR severity = ''block''
    ')
WHERE type = 'table' AND name = 'findings';

UPDATE sqlite_schema SET sql = replace(sql,
'state IN (''pending'', ''done'', ''parked'', ''dropped'')',
'
        state = ''pending'' OR state = ''done'' OR state = ''parked'' OR state = ''dropped''
    ')
WHERE type = 'table' AND name IN ('plugin_events', 'deliveries');

UPDATE sqlite_schema SET sql = replace(sql,
'kind IN (''send'', ''edit'', ''remove'', ''ack'')',
'
        kind = ''send'' OR kind = ''edit'' OR kind = ''remove'' OR kind = ''ack''
    ')
WHERE type = 'table' AND name = 'chat_outbox';

UPDATE sqlite_schema SET sql = replace(replace(sql,
'decision IN (''approved'', ''rejected'', ''expired'', ''withdrawn'')',
'
        decision = ''approved'' OR decision = ''rejected'' OR decision = ''expired''
        OR decision = ''withdrawn''
    '),
'subject IN (''gate'', ''review'', ''budget'')',
'subject = ''gate'' OR subject = ''review'' OR subject = ''budget''')
WHERE type = 'table' AND name = 'approvals';

UPDATE sqlite_schema SET sql = replace(replace(sql,
'api IN (''chat-completions'', ''responses'', ''messages'', ''embeddings'')',
'api = ''chat-completions'' OR api = ''responses'' OR api = ''messages''
        OR api = ''embeddings'''),
'state IN (''open'', ''settled'', ''assumed'', ''released'')',
'
        state = ''open'' OR state = ''settled'' OR state = ''assumed''
        OR state = ''released''
    ')
WHERE type = 'table' AND name = 'model_calls';

UPDATE sqlite_schema SET sql = replace(sql,
'scope IN (''run'', ''job'', ''project'')',
'
        scope = ''run'' OR scope = ''job'' OR scope = ''project''
    ')
WHERE type = 'table' AND name = 'egress_rulings';

UPDATE sqlite_schema SET sql = replace(sql,
'outcome IN (''closed'', ''refused'', ''failed'', ''cut'', ''abandoned'')',
'outcome = ''closed'' OR outcome = ''refused'' OR outcome = ''failed''
        OR outcome = ''cut'' OR outcome = ''abandoned''')
WHERE type = 'table' AND name = 'egress_connections';

PRAGMA writable_schema = RESET;

-- Any change of the schema has other connections read it anew.
CREATE VIEW compare_words AS SELECT 1;
DROP VIEW compare_words;
