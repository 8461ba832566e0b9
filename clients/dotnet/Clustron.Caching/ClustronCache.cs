using System.Buffers;
using Clustron.Caching.Internal;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace Clustron.Caching;

/// <summary>Settings of a <see cref="ClustronCache"/>.</summary>
public sealed class ClustronCacheOptions
{
    /// <summary>What all keys begin with.</summary>
    public string InstanceName { get; set; } = "";
}

/// <summary>
/// The distributed cache of .NET. An entry stands as Microsoft.Extensions.Caching.StackExchangeRedis has it (a hash of absexp, sldexp and data),
/// so that either reads what the other wrote. Times to live are exact to the millisecond, and each call is one entry of the log: there is
/// never a half of an entry, nor one without its end. Thread-safe.
/// </summary>
/// <remarks>
/// The calls that are not asynchronous block their thread, not the connection. A time to live counts by the server's clocks; an absolute
/// time together with a sliding one also by this machine's, as far as it is told relative to now.
/// </remarks>
public sealed class ClustronCache : IBufferDistributedCache
{
    private const string AbsoluteField = "absexp", SlidingField = "sldexp", DataField = "data";

    /// <summary>Longer than a write is repeated.</summary>
    private static readonly TimeSpan Keep = TimeSpan.FromSeconds(20);

    private readonly ClustronClient _client;
    private readonly string _prefix;
    private readonly TimeProvider _time;

    /// <summary>Over a client that stays the caller's.</summary>
    public ClustronCache(ClustronClient client, IOptions<ClustronCacheOptions> options) : this(client, options.Value.InstanceName, TimeProvider.System) { }

    internal ClustronCache(ClustronClient client, string prefix, TimeProvider time) => (_client, _prefix, _time) = (client, prefix, time);

    /// <inheritdoc/>
    public async Task<byte[]?> GetAsync(string key, CancellationToken token = default) =>
        await ReadAsync(key, true, token).ConfigureAwait(false) is { IsNull: false } data ? (byte[]?)data : null;

    /// <inheritdoc/>
    public async ValueTask<bool> TryGetAsync(string key, IBufferWriter<byte> destination, CancellationToken token = default)
    {
        RedisValue data = await ReadAsync(key, true, token).ConfigureAwait(false);
        if (!data.IsNull) destination.Write(((ReadOnlyMemory<byte>)data).Span);
        return !data.IsNull;
    }

    /// <inheritdoc/>
    public Task SetAsync(string key, byte[] value, DistributedCacheEntryOptions options, CancellationToken token = default)
    {
        ArgumentNullException.ThrowIfNull(value);
        return WriteAsync(key, value, options, token);
    }

    /// <inheritdoc/>
    public ValueTask SetAsync(string key, ReadOnlySequence<byte> value, DistributedCacheEntryOptions options, CancellationToken token = default) =>
        new(WriteAsync(key, value.ToArray(), options, token)); // A copy: an attempt may be on its way when the caller's buffer is another's.

    /// <inheritdoc/>
    public Task RefreshAsync(string key, CancellationToken token = default) => ReadAsync(key, false, token);

    /// <inheritdoc/>
    public Task RemoveAsync(string key, CancellationToken token = default) => _client.KeyValue.DeleteManyAsync([Name(key)], RequestId.New(Keep), token);

    /// <inheritdoc/>
    public byte[]? Get(string key) => Block(() => GetAsync(key));

    /// <inheritdoc/>
    public bool TryGet(string key, IBufferWriter<byte> destination) => Block(() => TryGetAsync(key, destination).AsTask());

    /// <inheritdoc/>
    public void Set(string key, byte[] value, DistributedCacheEntryOptions options) => Block(() => SetAsync(key, value, options));

    /// <inheritdoc/>
    public void Set(string key, ReadOnlySequence<byte> value, DistributedCacheEntryOptions options) => Block(() => SetAsync(key, value, options).AsTask());

    /// <inheritdoc/>
    public void Refresh(string key) => Block(() => RefreshAsync(key));

    /// <inheritdoc/>
    public void Remove(string key) => Block(() => RemoveAsync(key));

    private RedisKey Name(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return _prefix + key;
    }

    private Task WriteAsync(string key, byte[] value, DistributedCacheEntryOptions options, CancellationToken cancellation)
    {
        RedisKey name = Name(key);
        ArgumentNullException.ThrowIfNull(options);
        CacheExpiry expiry = CacheExpiry.Of(options, _time.GetUtcNow());
        Command set = Command.Of("HSET", name, AbsoluteField, expiry.AbsoluteTicks, SlidingField, expiry.SlidingTicks, DataField, value);
        return _client.Transactions.Create().Then([Command.Delete(name), set, .. expiry.Ends(name)]).ExecuteAsync(RequestId.New(Keep), cancellation);
    }

    /// <summary>The data, and the sliding end moved.</summary>
    private async Task<RedisValue> ReadAsync(string key, bool withData, CancellationToken cancellation)
    {
        RedisKey name = Name(key);
        Command get = withData ? Command.Of("HMGET", name, AbsoluteField, SlidingField, DataField) : Command.Of("HMGET", name, AbsoluteField, SlidingField);
        TransactionResult read = await _client.Transactions.Create().Then(get, Command.Revision(name)).ReadAsync(cancellation).ConfigureAwait(false);
        IReadOnlyList<RedisResult> steps = read.Replies;
        var fields = (RedisValue[])steps[0]!;
        if (CacheExpiry.Stored(fields[0], fields[1]) is { IsSliding: true } expiry)
            await SlideAsync(name, (long)steps[1], expiry, cancellation).ConfigureAwait(false);
        return withData ? fields[2] : RedisValue.Null;
    }

    /// <summary>Only of what was read: a value that was written since has an end of its own.</summary>
    private async Task SlideAsync(RedisKey name, long revision, CacheExpiry expiry, CancellationToken cancellation)
    {
        TransactionBuilder slide = _client.Transactions.Create().If(TxnCondition.Revision(name, revision)).Then([.. expiry.Ends(name)]);
        try { await slide.ExecuteAsync(null, cancellation).ConfigureAwait(false); }
        catch (UncertainException) { } // The entry may end earlier than it should; it was read all the same.
    }

    private static T Block<T>(Func<Task<T>> ask) => Task.Run(ask).GetAwaiter().GetResult();
    private static void Block(Func<Task> ask) => Task.Run(ask).GetAwaiter().GetResult();
}
