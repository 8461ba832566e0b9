using Clustron.Internal;
using StackExchange.Redis;

namespace Clustron;

/// <summary>
/// Indexes over fields of hashes, over labels, and over the names of keys: kept in the same step as every write, so that a query sees each
/// write before it. Thread-safe.
/// </summary>
public sealed class Indexes
{
    private static readonly TimeSpan ReadyPause = TimeSpan.FromMilliseconds(50);
    private readonly Executor _executor;

    internal Indexes(Executor executor) => _executor = executor;

    /// <summary>
    /// Makes an index. False: it is there already, and defined so. Over many keys it is built first (<see cref="WaitReadyAsync"/>). Has a
    /// request id of its own.
    /// </summary>
    /// <exception cref="ClustronException">There is one of this name that is defined otherwise.</exception>
    public async Task<bool> CreateAsync(string name, IndexDefinition definition, CancellationToken cancellation = default) =>
        (long)await _executor.WriteAsync(definition.ToCommand(name), RequestId.New(), cancellation).ConfigureAwait(false) == 1;

    /// <summary>Drops an index; the keys stay. False: there is none. Has a request id of its own.</summary>
    public async Task<bool> DropAsync(string name, CancellationToken cancellation = default) =>
        (long)await _executor.WriteAsync(Command.Of("INDEX", "DROP", name), RequestId.New(), cancellation).ConfigureAwait(false) == 1;

    /// <summary>What the server knows of an index; null if there is none.</summary>
    public async Task<IndexInfo?> GetAsync(string name, CancellationToken cancellation = default)
    {
        Command command = Command.Of("INDEX", "INFO", name);
        RedisResult reply = await _executor.AskAsync(command, Repeat.Read, cancellation).ConfigureAwait(false);
        if (reply.IsNull) return null;
        RedisResult[] parts = reply.Array(command, 16);
        var fields = new Dictionary<string, RedisResult>();
        for (int i = 0; i + 1 < parts.Length; i += 2) fields[parts[i].Text()!] = parts[i + 1];
        return new IndexInfo(
            fields["name"].Text()!, KindOf(fields["on"]), fields["entity"].Text(),
            [.. fields["prefixes"].Array(command).Select(p => p.Text()!)],
            [.. fields["fields"].Array(command).Select(row => FieldOf(row.Array(command, 4)))],
            (long)fields["keys"], (long)fields["ready"] == 1, (int)fields["percent"]);
    }

    /// <summary>The indexes of the database.</summary>
    public async Task<IReadOnlyList<IndexRow>> ListAsync(CancellationToken cancellation = default)
    {
        Command command = Command.Of("INDEX", "LIST");
        RedisResult[] rows = (await _executor.AskAsync(command, Repeat.Read, cancellation).ConfigureAwait(false)).Array(command);
        return [.. rows.Select(r => r.Array(command, 4)).Select(r => new IndexRow(r[0].Text()!, KindOf(r[1]), (long)r[2], (int)r[3]))];
    }

    /// <summary>Waits until an index is built, so that it can be queried.</summary>
    /// <exception cref="ClustronException">There is no such index.</exception>
    public async Task WaitReadyAsync(string name, CancellationToken cancellation = default)
    {
        for (;;)
        {
            IndexInfo info = await GetAsync(name, cancellation).ConfigureAwait(false) ?? throw new ClustronException("ERR", $"ERR no such index '{name}'");
            if (info.IsReady) return;
            await Task.Delay(ReadyPause, _executor.Time, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>A query of an index, to be filled.</summary>
    public IndexQuery Query(string index) => new(_executor, index);

    /// <summary>
    /// Gives a key these labels in place of those it has; false if there is no key. They go when the value is replaced (SET …). Has a request
    /// id of its own.
    /// </summary>
    /// <exception cref="LockedException">A lock guards the key, and it is another one or none that is named.</exception>
    public async Task<bool> LabelAsync(
        RedisKey key, IReadOnlyCollection<IndexLabel> labels, string? entity = null, LockHandle? underLock = null, CancellationToken cancellation = default)
    {
        Command command = LabelCommand(key, labels, entity);
        return (long)await _executor.WriteAsync(underLock?.Wrap(command) ?? command, RequestId.New(), cancellation).ConfigureAwait(false) == 1;
    }

    /// <summary>Takes a key's labels away; false if it had none. Has a request id of its own.</summary>
    public async Task<bool> UnlabelAsync(RedisKey key, CancellationToken cancellation = default) =>
        (long)await _executor.WriteAsync(Command.Of("INDEX", "UNLABEL", key), RequestId.New(), cancellation).ConfigureAwait(false) == 1;

    /// <summary>A key's labels; null if it has none.</summary>
    public async Task<KeyLabels?> LabelsAsync(RedisKey key, CancellationToken cancellation = default)
    {
        Command command = Command.Of("INDEX", "LABELS", key);
        RedisResult reply = await _executor.AskAsync(command, Repeat.Read, cancellation).ConfigureAwait(false);
        if (reply.IsNull) return null;
        RedisResult[] parts = reply.Array(command, 2);
        RedisResult[] pairs = parts[1].Array(command);
        return new KeyLabels(parts[0].Text(), [.. Enumerable.Range(0, pairs.Length / 2).Select(i => new IndexLabel(pairs[2 * i].Text()!, pairs[2 * i + 1].Value()))]);
    }

    /// <summary><c>INDEX LABEL</c>, for transactions and <c>Wrap</c>.</summary>
    public static Command LabelCommand(RedisKey key, IReadOnlyCollection<IndexLabel> labels, string? entity = null)
    {
        if (labels.Count is 0 or > 64) throw new ArgumentException($"A key has 1 to 64 labels, not {labels.Count}.", nameof(labels));
        var words = new List<object> { "LABEL", key };
        if (entity is not null) words.AddRange(["ENTITY", entity]);
        words.Add(labels.Count);
        foreach (IndexLabel label in labels) words.AddRange([label.Name, label.Value]);
        return Command.Of("INDEX", [.. words]);
    }

    private static IndexKind KindOf(RedisResult reply) => Enum.Parse<IndexKind>(reply.Text()!, true);

    private static IndexFieldInfo FieldOf(RedisResult[] row) => new(row[0].Text()!, row[1].Text()!, (long)row[2], (long)row[3]);
}
