using Clustron.Internal;
using StackExchange.Redis;

namespace Clustron;

/// <summary>
/// Values of keys, with revisions: compare-and-set for everybody who writes the key, whatever client he uses. Thread-safe.
/// </summary>
/// <remarks>What needs no revision (hashes, lists, pub/sub …) is <see cref="ClustronClient.Database"/>'s, over the same connection.</remarks>
public sealed class KeyValueStore
{
    private const int UpdateAttempts = 100;
    private readonly Executor _executor;

    internal KeyValueStore(Executor executor) => _executor = executor;

    /// <summary>Writes a string.</summary>
    /// <exception cref="LockedException">A lock guards the key, and the options name another one or none.</exception>
    /// <exception cref="UncertainException">It may have been written; give a <see cref="PutOptions.Request"/> to have it repeated.</exception>
    public async Task<KeyValueResult> PutAsync(RedisKey key, RedisValue value, PutOptions? options = null, CancellationToken cancellation = default)
    {
        // One entry of the log: what was there, the write, and the revision behind it.
        Command command = Steps(options?.Lock, Command.Of("EXISTS", key), Command.Set(key, value, options), Command.Revision(key));
        RedisResult reply = await _executor.WriteAsync(command, options?.Request, cancellation).ConfigureAwait(false);
        RedisResult[] steps = StepsOf(command, reply, 3);
        var status = steps[1].IsNull ? KeyValueStatus.Conflict : KeyValueStatus.Done;
        return new KeyValueResult(status, RevisionOf(steps[2]), (long)steps[0] == 1);
    }

    /// <summary>Reads a string, with its revision and what is left of its time to live.</summary>
    /// <exception cref="ClustronException">WRONGTYPE: the key holds something else.</exception>
    public async Task<KeyValueEntry> GetAsync(RedisKey key, CancellationToken cancellation = default)
    {
        Command command = Steps(null, Command.Get(key), Command.Revision(key), Command.Of("PTTL", key));
        RedisResult[] steps = StepsOf(command, await _executor.AskAsync(command, Repeat.Read, cancellation).ConfigureAwait(false), 3);
        return new KeyValueEntry(key, steps[0].Value(), RevisionOf(steps[1]), TtlOf(steps[2]));
    }

    /// <summary>Deletes a key of any type, if it is at that revision where one is given.</summary>
    /// <exception cref="LockedException">A lock guards the key.</exception>
    public async Task<KeyValueResult> DeleteAsync(
        RedisKey key, long? ifRevision = null, LockHandle? underLock = null, RequestId? request = null, CancellationToken cancellation = default)
    {
        Command delete = ifRevision is { } revision ? Command.DeleteIfRevision(key, revision) : Command.Delete(key);
        Command command = Steps(underLock, Command.Of("EXISTS", key), delete, Command.Revision(key));
        RedisResult reply = await _executor.WriteAsync(command, request, cancellation).ConfigureAwait(false);
        RedisResult[] steps = StepsOf(command, reply, 3);
        bool existed = (long)steps[0] == 1;
        var status = (long)steps[1] == 1 ? KeyValueStatus.Done : existed ? KeyValueStatus.Conflict : KeyValueStatus.NotFound;
        return new KeyValueResult(status, status == KeyValueStatus.Done ? RevisionOfStore(command, reply) : RevisionOf(steps[2]), existed);
    }

    /// <summary>
    /// Reads, computes, and writes if nobody else has written meanwhile; again if somebody has. The function may be called several times;
    /// null deletes the key. Returns what was written. The key keeps the end or the lease that it has, unless the options give it another
    /// one (<see cref="PersistAsync"/> takes it away).
    /// </summary>
    /// <exception cref="ClustronException">CONFLICT: others were faster a hundred times.</exception>
    public async Task<KeyValueEntry> UpdateAsync(
        RedisKey key, Func<KeyValueEntry, RedisValue> update, PutOptions? options = null, CancellationToken cancellation = default)
    {
        PutOptions put = options ?? new PutOptions();
        if (put.Ttl is null && put.LeaseId is null) put = put with { KeepTtl = true };
        for (int attempt = 0; attempt < UpdateAttempts; ++attempt)
        {
            KeyValueEntry entry = await GetAsync(key, cancellation).ConfigureAwait(false);
            RedisValue value = update(entry);
            if (value.IsNull && !entry.Exists) return entry;
            // Each attempt is a request of its own: the first one's reply must not be a later one's.
            RequestId request = RequestId.New();
            KeyValueResult result = value.IsNull
                ? await DeleteAsync(key, entry.Revision, put.Lock, request, cancellation).ConfigureAwait(false)
                : await PutAsync(key, value, put with { IfRevision = entry.Revision, Request = request }, cancellation).ConfigureAwait(false);
            if (!result.Done) continue;
            return value.IsNull
                ? new KeyValueEntry(key, value, 0, null)
                : new KeyValueEntry(key, value, result.Revision, put.Ttl ?? (put.KeepTtl ? entry.TimeToLive : null));
        }
        throw new ClustronException("CONFLICT", $"'{key}' was written by others {UpdateAttempts} times while an update was computed.");
    }

    /// <summary>Reads several strings as they are at one revision, with what is left of their times to live, in the order of the keys.</summary>
    public async Task<KeyValueEntry[]> GetManyAsync(IReadOnlyList<RedisKey> keys, CancellationToken cancellation = default)
    {
        if (keys.Count == 0) return [];
        var reads = new List<Command> { Command.Of("MGET", [.. keys.Select(k => (object)k)]) };
        reads.AddRange(keys.Select(Command.Revision));
        reads.AddRange(keys.Select(key => Command.Of("PTTL", key)));
        Command command = Steps(null, [.. reads]);
        RedisResult[] steps = StepsOf(command, await _executor.AskAsync(command, Repeat.Read, cancellation).ConfigureAwait(false), reads.Count);
        RedisResult[] values = steps[0].Array(command, keys.Count);
        return [.. keys.Select((key, i) => new KeyValueEntry(key, values[i].Value(), RevisionOf(steps[1 + i]), TtlOf(steps[1 + keys.Count + i])))];
    }

    /// <summary>Writes several strings, all at one revision, which is returned.</summary>
    public async Task<long> PutManyAsync(
        IReadOnlyCollection<KeyValuePair<RedisKey, RedisValue>> values, TimeSpan? ttl = null, RequestId? request = null, CancellationToken cancellation = default)
    {
        if (values.Count == 0) throw new ArgumentException("There is nothing to write.", nameof(values));
        var arguments = new List<object> { values.Count };
        foreach (var (key, value) in values) arguments.AddRange([key, value]);
        if (ttl is { } end) arguments.AddRange(["PX", (long)end.TotalMilliseconds]);
        Command command = Steps(null, Command.Of("MSETEX", [.. arguments]));
        RedisResult reply = await _executor.WriteAsync(command, request, cancellation).ConfigureAwait(false);
        return RevisionOfStore(command, reply);
    }

    /// <summary>Deletes keys of any type; returns how many there were.</summary>
    public async Task<long> DeleteManyAsync(IReadOnlyCollection<RedisKey> keys, RequestId? request = null, CancellationToken cancellation = default) =>
        keys.Count == 0 ? 0 : (long)await _executor.WriteAsync(Command.Of("DEL", [.. keys.Select(k => (object)k)]), request, cancellation).ConfigureAwait(false);

    /// <summary>There is such a key.</summary>
    public async Task<bool> ExistsAsync(RedisKey key, CancellationToken cancellation = default) =>
        (long)await _executor.AskAsync(Command.Of("EXISTS", key), Repeat.Read, cancellation).ConfigureAwait(false) == 1;

    /// <summary>Gives the key a new time to live; false if there is no key. Its revision stays. Has a request id of its own.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The time to live is below a millisecond: the key would be deleted.</exception>
    public async Task<bool> ExpireAsync(RedisKey key, TimeSpan ttl, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(ttl, TimeSpan.FromMilliseconds(1));
        Command command = Command.Of("PEXPIRE", key, (long)ttl.TotalMilliseconds);
        return (long)await _executor.WriteAsync(command, RequestId.New(), cancellation).ConfigureAwait(false) == 1;
    }

    /// <summary>Takes the key's end away; false if it had none. Has a request id of its own.</summary>
    public async Task<bool> PersistAsync(RedisKey key, CancellationToken cancellation = default) =>
        (long)await _executor.WriteAsync(Command.Of("PERSIST", key), RequestId.New(), cancellation).ConfigureAwait(false) == 1;

    /// <summary>How many keys the database has.</summary>
    public async Task<long> CountAsync(CancellationToken cancellation = default) =>
        (long)await _executor.AskAsync(Command.Of("DBSIZE"), Repeat.Read, cancellation).ConfigureAwait(false);

    /// <summary>
    /// Deletes all keys that begin with a prefix, in slices: others may see some of them gone and some not yet. Returns how many.
    /// </summary>
    /// <exception cref="UncertainException">It may go on yet. (A repeat by itself could delete what was written since.)</exception>
    public async Task<long> ClearAsync(string prefix, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(prefix);
        return (long)await _executor.AskAsync(Command.Of("FLUSHDB", "PREFIX", prefix, "SLICED"), Repeat.IfNotApplied, cancellation).ConfigureAwait(false);
    }

    /// <summary>The names of all keys that begin with a prefix, in no order; each that is there throughout comes, one may come twice.</summary>
    public IAsyncEnumerable<RedisKey> ScanAsync(string prefix = "", CancellationToken cancellation = default)
    {
        string pattern = string.Concat(prefix.Select(c => "*?[]\\".Contains(c, StringComparison.Ordinal) ? "\\" + c : c.ToString())) + "*";
        return Pages.ReadAsync<RedisKey>(
            async (cursor, stop) =>
            {
                Command command = Command.Of("SCAN", cursor.IsNull ? "0" : cursor, "MATCH", pattern, "COUNT", 500);
                RedisResult[] page = (await _executor.AskAsync(command, Repeat.Read, stop).ConfigureAwait(false)).Array(command, 2);
                RedisValue next = page[0].Value();
                return new Page<RedisKey>([.. page[1].Array(command).Select(key => (RedisKey)key)], next == "0" ? RedisValue.Null : next);
            },
            cancellation);
    }

    /// <summary>Commands as one entry: all or nothing.</summary>
    private static Command Steps(LockHandle? underLock, params Command[] commands)
    {
        var builder = new TransactionBuilder();
        if (underLock is not null) builder.If(TxnCondition.Holds(underLock));
        return builder.Then(commands).ToCommand();
    }

    private static RedisResult[] StepsOf(Command command, RedisResult reply, int count)
    {
        RedisResult[] parts = reply.Array(command, 3);
        if ((long)parts[0] == 1) return parts[2].Array(command, count);
        // The only condition is that of the lock.
        throw new FencedException("FENCED the lock that the write names is not held by its token any more", 0);
    }

    private static long RevisionOfStore(Command command, RedisResult reply)
    {
        RedisResult[] parts = reply.Array(command, 2);
        return (long)parts[1];
    }

    private static long RevisionOf(RedisResult reply) => reply.IsNull ? 0 : (long)reply;

    private static TimeSpan? TtlOf(RedisResult reply) => (long)reply is >= 0 and var ms ? TimeSpan.FromMilliseconds(ms) : null;
}
