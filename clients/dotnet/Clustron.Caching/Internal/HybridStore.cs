using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Clustron.Caching.Internal;

/// <summary>An entry in the cluster.</summary>
/// <param name="Payload">Serialized.</param>
/// <param name="Tags">It was written with.</param>
/// <param name="Revision">Of its last write.</param>
/// <param name="Left">Until it ends; null: never.</param>
internal sealed record StoredEntry(byte[] Payload, IReadOnlyList<string> Tags, long Revision, TimeSpan? Left);

/// <summary>The entries in the cluster. Thread-safe.</summary>
/// <remarks>
/// An entry is a hash at <c>prefix k:key</c> (d: the payload, t: the tags, as JSON), so that changes are told without the payload; its tags
/// are labels, too. Who removes a key or tag also writes one of 256 marks, <c>prefix r:…</c>, and who writes what he created says that no mark
/// of its key and tags is younger than his look at the cluster: what was removed while it was created is not put back.
/// INVARIANT: a mark is written before, or together with, the removal that it is of.
/// </remarks>
internal sealed class HybridStore(ClustronClient client, string prefix, ILogger log)
{
    private const string PayloadField = "d", TagsField = "t";
    private const int Marks = 256, ClearAttempts = 5;
    private static readonly TagField Tag = IndexField.Tag("tag");

    /// <summary>Longer than a write is repeated.</summary>
    private static readonly TimeSpan Keep = TimeSpan.FromSeconds(20);

    private readonly SemaphoreSlim _defining = new(1, 1);
    private volatile bool _defined;

    /// <summary>What the entries' keys begin with, to be watched.</summary>
    public string EntryPrefix { get; } = prefix + "k:";

    /// <summary>The entry, and the revision of the look: what <see cref="WriteAsync"/> takes.</summary>
    public async Task<(StoredEntry? Entry, long Revision)> ReadAsync(string key, CancellationToken cancellation)
    {
        RedisKey name = EntryPrefix + key;
        TransactionResult reply = await client.Transactions.Create()
            .Then(Command.Of("HMGET", name, PayloadField, TagsField), Command.Revision(name), Command.Of("PTTL", name))
            .ReadAsync(cancellation).ConfigureAwait(false);
        var fields = (RedisValue[])reply.Replies[0]!;
        if (fields[0].IsNull) return (null, reply.Revision);
        long ttl = (long)reply.Replies[2];
        IReadOnlyList<string> tags = fields[1].IsNull ? [] : JsonSerializer.Deserialize<string[]>(((ReadOnlyMemory<byte>)fields[1]).Span)!;
        return (new StoredEntry((byte[])fields[0]!, tags, (long)reply.Replies[1], ttl < 0 ? null : TimeSpan.FromMilliseconds(ttl)), reply.Revision);
    }

    /// <summary>Writes an entry; null: its key or a tag was removed behind that revision, and nothing was written. Else its revision.</summary>
    public async Task<long?> WriteAsync(
        string key, byte[] payload, IReadOnlyList<string> tags, TimeSpan ttl, long? ifNotRemovedSince, CancellationToken cancellation)
    {
        RedisKey name = EntryPrefix + key;
        if (tags.Count > 0) await DefineAsync(cancellation).ConfigureAwait(false);
        TransactionBuilder write = client.Transactions.Create();
        if (ifNotRemovedSince is { } since)
        {
            IEnumerable<RedisKey> marks = tags.Select(TagMark).Append(KeyMark(key)).Append(AllMark).Distinct();
            write.If([.. marks.Select(mark => TxnCondition.Revision(mark, since, Comparison.LessOrEqual))]);
        }
        object[] fields = tags.Count == 0 ? [name, PayloadField, payload] : [name, PayloadField, payload, TagsField, JsonSerializer.SerializeToUtf8Bytes(tags)];
        write.Then(Command.Delete(name), Command.Of("HSET", fields), Command.Of("PEXPIRE", name, Math.Max(1, (long)ttl.TotalMilliseconds)));
        if (tags.Count > 0) write.Then(Indexes.LabelCommand(name, [.. tags.Select(tag => new IndexLabel(Tag.Name, tag))]));
        TransactionResult done = await write.ExecuteAsync(RequestId.New(Keep), cancellation).ConfigureAwait(false);
        return done.Succeeded ? done.Revision : null;
    }

    /// <summary>Removes entries; the revision of that.</summary>
    public async Task<long> RemoveAsync(IReadOnlyCollection<string> keys, CancellationToken cancellation)
    {
        TransactionBuilder remove = client.Transactions.Create()
            .Then([.. keys.Select(KeyMark).Distinct().Select(MarkNow)])
            .Then([.. keys.Distinct().Select(key => Command.Delete(EntryPrefix + key))]);
        return (await remove.ExecuteAsync(RequestId.New(Keep), cancellation).ConfigureAwait(false)).Revision;
    }

    /// <summary>From the returned revision on nothing older comes back; what is stored yet is purged by <see cref="PurgeTagAsync"/>.</summary>
    public async Task<long> MarkTagAsync(string tag, CancellationToken cancellation) =>
        (await client.Transactions.Create().Then(MarkNow(TagMark(tag))).ExecuteAsync(RequestId.New(Keep), cancellation).ConfigureAwait(false)).Revision;

    public async Task PurgeTagAsync(string tag, CancellationToken cancellation)
    {
        for (int attempt = 1;; ++attempt)
        {
            await DefineAsync(cancellation).ConfigureAwait(false);
            try
            {
                await client.Indexes.WaitReadyAsync(IndexName, cancellation).ConfigureAwait(false);
                await client.Indexes.Query(IndexName).Where(Tag == tag).PurgeAsync(cancellation).ConfigureAwait(false);
                return;
            }
            catch (ClustronException error) when (attempt == 1 && error.Message.Contains("no such index", StringComparison.Ordinal))
            {
                log.LogWarning("The index '{Index}' of the cache's tags was dropped; it is made anew.", IndexName);
                _defined = false;
            }
        }
    }

    /// <summary>Removes everything.</summary>
    public async Task ClearAsync(CancellationToken cancellation)
    {
        await client.Transactions.Create().Then(MarkNow(AllMark)).ExecuteAsync(RequestId.New(Keep), cancellation).ConfigureAwait(false);
        for (int attempt = 1;; ++attempt)
        {
            try
            {
                await client.KeyValue.ClearAsync(EntryPrefix, cancellation).ConfigureAwait(false);
                return;
            }
            catch (UncertainException) when (attempt < ClearAttempts) { } // Twice is harmless here: what it finds is only cached.
        }
    }

    /// <summary>The key that an event is about; null: none of the entries'.</summary>
    public string? KeyOf(RedisKey name) =>
        ((string?)name) is { } text && text.StartsWith(EntryPrefix, StringComparison.Ordinal) ? text[EntryPrefix.Length..] : null;

    private string IndexName => prefix + "tags";

    private RedisKey AllMark => prefix + "r:all";

    private RedisKey KeyMark(string key) => prefix + "r:k" + Bucket(key);

    private RedisKey TagMark(string tag) => prefix + "r:t" + Bucket(tag);

    private static Command MarkNow(RedisKey mark) => Command.Set(mark, 1);

    /// <summary>The same on every machine: FNV-1a.</summary>
    private static string Bucket(string text)
    {
        uint hash = 2166136261;
        foreach (byte b in Encoding.UTF8.GetBytes(text)) hash = (hash ^ b) * 16777619;
        return ((hash ^ (hash >> 16)) % Marks).ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>The index of tags is there, built or not.</summary>
    private async Task DefineAsync(CancellationToken cancellation)
    {
        if (_defined) return;
        await _defining.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (_defined) return;
            var definition = new IndexDefinition { Kind = IndexKind.Labels, Prefixes = [EntryPrefix], Fields = [Tag] };
            await client.Indexes.CreateAsync(IndexName, definition, cancellation).ConfigureAwait(false);
            _defined = true;
        }
        finally
        {
            _defining.Release();
        }
    }
}
