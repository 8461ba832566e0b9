using Clustron.Caching.Internal;
using Microsoft.Extensions.Caching.Hybrid;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Clustron.Caching;

/// <summary>
/// .NET's HybridCache over the cluster: entries are kept there and in this process's memory, and what is changed or removed anywhere, by its
/// key or a tag, goes from the memory of all processes, as fast as a message takes. One value at a time is created for a key in a process,
/// and one whose key or tag was removed while it was created is given to its callers, but not kept. Thread-safe.
/// </summary>
/// <remarks>
/// Without the cluster, reading and creating calls go on by the factory (after <see cref="ClustronHybridCacheOptions.DistributedTimeout"/>),
/// and local entries are used no longer than <see cref="ClustronHybridCacheOptions.LocalStaleAfter"/>. SetAsync and the removals throw
/// what <see cref="ClustronClient"/> throws. Tags are labels: an entry has at most 64, of at most 256 bytes.
/// </remarks>
public sealed class ClustronHybridCache : HybridCache, IAsyncDisposable, IDisposable
{
    private const string EveryTag = "*";
    private const int TagsMax = 64, TagBytesMax = 256;

    private readonly ClustronHybridCacheOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly HybridStore _store;
    private readonly LocalStore _local;
    private readonly Backplane _backplane;
    private readonly Serializers _serializers;
    private readonly Flights _flights = new();
    private long _localHits, _distributedHits, _created, _joined, _outdated;

    /// <param name="client">Stays the caller's.</param>
    /// <param name="options">Settings.</param>
    /// <param name="log">Where failures are told that calls go on without.</param>
    /// <param name="services">Where serializers are registered (<see cref="IHybridCacheSerializer{T}"/>); null: strings, bytes and JSON.</param>
    public ClustronHybridCache(
        ClustronClient client, IOptions<ClustronHybridCacheOptions> options, ILogger<ClustronHybridCache> log, IServiceProvider? services = null)
        : this(client, options.Value, log, services, TimeProvider.System) { }

    internal ClustronHybridCache(ClustronClient client, ClustronHybridCacheOptions options, ILogger log, IServiceProvider? services, TimeProvider time)
    {
        options.Check();
        (_options, _log, _time) = (options, log, time);
        _serializers = new Serializers(services);
        _store = new HybridStore(client, options.Prefix, log);
        _local = new LocalStore(time, options.LocalBytes);
        _backplane = new Backplane(client.Watch, _store, _local, options.LocalStaleAfter, log);
    }

    /// <inheritdoc/>
    public override async ValueTask<T> GetOrCreateAsync<TState, T>(
        string key, TState state, Func<TState, CancellationToken, ValueTask<T>> factory, HybridCacheEntryOptions? options = null,
        IEnumerable<string>? tags = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        ArgumentNullException.ThrowIfNull(factory);
        Entry entry = EntryOf(key, options, tags);
        if (FromLocal<T>(entry) is { } hit)
        {
            Interlocked.Increment(ref _localHits);
            return ValueOf<T>(hit);
        }
        var (loaded, mine) = await _flights.RunAsync(
            key, (int)entry.Flags, stop => LoadAsync(entry, t => factory(state, t), stop), cancellationToken).ConfigureAwait(false);
        if (!mine) Interlocked.Increment(ref _joined);
        return mine || loaded.Payload is null || Serializers.IsImmutable<T>() ? loaded.Value : _serializers.Read<T>(loaded.Payload);
    }

    /// <inheritdoc/>
    public override async ValueTask SetAsync<T>(
        string key, T value, HybridCacheEntryOptions? options = null, IEnumerable<string>? tags = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        Entry entry = EntryOf(key, options, tags);
        byte[] payload = _serializers.Write(value);
        if (payload.Length > _options.MaximumPayloadBytes)
            throw new ArgumentException($"The value of '{key}' has {payload.Length} bytes serialized; MaximumPayloadBytes is {_options.MaximumPayloadBytes}.", nameof(value));
        LocalStore.Load load = _local.Begin(key);
        try
        {
            long sent = _time.GetTimestamp();
            long revision = entry.Has(HybridCacheEntryFlags.DisableDistributedCacheWrite)
                ? (await _store.ReadAsync(key, cancellationToken).ConfigureAwait(false)).Revision
                : (await _store.WriteAsync(key, payload, entry.Tags, entry.Expiration, null, cancellationToken).ConfigureAwait(false))!.Value;
            Keep(load, entry, payload, value, entry.Tags, revision, entry.Expiration, sent);
            _flights.Detach(key);
        }
        finally
        {
            _local.End(load);
        }
    }

    /// <inheritdoc/>
    public override ValueTask RemoveAsync(string key, CancellationToken cancellationToken = default) => RemoveAsync([key], cancellationToken);

    /// <inheritdoc/>
    public override async ValueTask RemoveAsync(IEnumerable<string> keys, CancellationToken cancellationToken = default)
    {
        string[] all = [.. keys];
        foreach (string key in all) ArgumentException.ThrowIfNullOrEmpty(key);
        // In slices: an entry of the log is not endless.
        foreach (string[] some in all.Chunk(500))
        {
            long revision = await _store.RemoveAsync(some, cancellationToken).ConfigureAwait(false);
            foreach (string key in some)
            {
                _local.Change(key, revision);
                _flights.Detach(key);
            }
        }
    }

    /// <summary>
    /// Removes all entries with a tag, "*": all entries. What is being created with it meanwhile is not kept. When this returns they are gone
    /// from the cluster and this process's memory; other processes hear of it at the same time.
    /// </summary>
    public override async ValueTask RemoveByTagAsync(string tag, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(tag);
        if (tag == EveryTag)
        {
            await _store.ClearAsync(cancellationToken).ConfigureAwait(false);
            _local.DropAll();
            _flights.Detach(null);
            return;
        }
        CheckTag(tag);
        _local.RemoveTag(tag, await _store.MarkTagAsync(tag, cancellationToken).ConfigureAwait(false));
        _flights.Detach(null); // Which of them would have the tag is not known.
        await _store.PurgeTagAsync(tag, cancellationToken).ConfigureAwait(false);
        _flights.Detach(null); // One that began meanwhile may have read what the purge has deleted since.
    }

    /// <summary>What it has done.</summary>
    public ClustronHybridCacheStatistics GetStatistics() => new()
    {
        LocalHits = Interlocked.Read(ref _localHits),
        DistributedHits = Interlocked.Read(ref _distributedHits),
        Created = Interlocked.Read(ref _created),
        Joined = Interlocked.Read(ref _joined),
        Outdated = Interlocked.Read(ref _outdated),
        Invalidated = _local.Invalidated,
        Dropped = _local.Dropped,
        LocalIsLive = _backplane.IsLive,
    };

    /// <summary>Ends the watch of changes.</summary>
    public async ValueTask DisposeAsync()
    {
        await _backplane.DisposeAsync().ConfigureAwait(false);
        _local.Dispose();
    }

    /// <inheritdoc cref="DisposeAsync"/>
    public void Dispose() => Task.Run(() => DisposeAsync().AsTask()).GetAwaiter().GetResult();

    private static void CheckTag(string tag)
    {
        if (System.Text.Encoding.UTF8.GetByteCount(tag) is 0 or > TagBytesMax) throw new ArgumentException($"The tag '{tag}' has not 1 to {TagBytesMax} bytes.", nameof(tag));
    }

    private Entry EntryOf(string key, HybridCacheEntryOptions? options, IEnumerable<string>? tags)
    {
        HybridCacheEntryOptions defaults = _options.DefaultEntryOptions;
        string[] distinct = tags is null ? [] : [.. tags.Distinct(StringComparer.Ordinal)];
        if (distinct.Length > TagsMax) throw new ArgumentException($"An entry has at most {TagsMax} tags, not {distinct.Length}.", nameof(tags));
        foreach (string tag in distinct) CheckTag(tag);
        TimeSpan expiration = options?.Expiration ?? defaults.Expiration ?? TimeSpan.FromMinutes(5);
        TimeSpan local = options?.LocalCacheExpiration ?? defaults.LocalCacheExpiration ?? expiration;
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(expiration, TimeSpan.Zero, nameof(options));
        return new Entry(key, distinct, expiration, local < expiration ? local : expiration, options?.Flags ?? defaults.Flags ?? HybridCacheEntryFlags.None);
    }

    private LocalEntry? FromLocal<T>(Entry entry) =>
        !entry.Has(HybridCacheEntryFlags.DisableLocalCacheRead) && _backplane.IsLive ? _local.Get(entry.Key) : null;

    private T ValueOf<T>(LocalEntry entry) => entry.Value is T value ? value : _serializers.Read<T>(entry.Payload);

    private async Task<Loaded<T>> LoadAsync<T>(Entry entry, Func<CancellationToken, ValueTask<T>> factory, CancellationToken stop)
    {
        // A load that ended between this call's look and its turn has left it there.
        if (FromLocal<T>(entry) is { } hit) return new Loaded<T>(ValueOf<T>(hit), hit.Payload);
        LocalStore.Load load = _local.Begin(entry.Key);
        try
        {
            long asked = _time.GetTimestamp();
            var (stored, revision) = await ReadStoredAsync(entry, stop).ConfigureAwait(false);
            if (stored is not null)
            {
                Interlocked.Increment(ref _distributedHits);
                T found = _serializers.Read<T>(stored.Payload);
                Keep(load, entry, stored.Payload, found, stored.Tags, stored.Revision, stored.Left ?? entry.LocalExpiration, asked);
                return new Loaded<T>(found, stored.Payload);
            }
            if (entry.Has(HybridCacheEntryFlags.DisableUnderlyingData)) return new Loaded<T>(default!, null);
            T value = await factory(stop).ConfigureAwait(false);
            Interlocked.Increment(ref _created);
            return new Loaded<T>(value, await WriteCreatedAsync(load, entry, value, revision, stop).ConfigureAwait(false));
        }
        finally
        {
            _local.End(load);
        }
    }

    /// <summary>The entry, and the revision of the look; null: nobody was asked, or answered.</summary>
    private async Task<(StoredEntry? Entry, long? Revision)> ReadStoredAsync(Entry entry, CancellationToken stop)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(_options.DistributedTimeout);
        try
        {
            var (stored, revision) = await _store.ReadAsync(entry.Key, limit.Token).ConfigureAwait(false);
            return (entry.Has(HybridCacheEntryFlags.DisableDistributedCacheRead) ? null : stored, revision);
        }
        catch (Exception error) when (IsNoAnswer(error, stop))
        {
            _log.LogWarning(error, "The cache could not read '{Key}', and goes on without: {Reason}", entry.Key, error.Message);
            return (null, null);
        }
    }

    /// <summary>Keeps what was created, if that is wanted and possible. The payload; null: it is too large.</summary>
    private async Task<byte[]?> WriteCreatedAsync<T>(LocalStore.Load load, Entry entry, T value, long? revision, CancellationToken stop)
    {
        byte[] payload = _serializers.Write(value);
        if (payload.Length > _options.MaximumPayloadBytes)
        {
            _log.LogWarning("The value of '{Key}' has {Bytes} bytes serialized, and is not cached.", entry.Key, payload.Length);
            return null;
        }
        if (revision is not { } since) return payload; // Whether it is outdated can't be known.
        long sent = _time.GetTimestamp();
        if (entry.Has(HybridCacheEntryFlags.DisableDistributedCacheWrite))
        {
            Keep(load, entry, payload, value, entry.Tags, since, entry.Expiration, sent);
            return payload;
        }
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(_options.DistributedTimeout);
        try
        {
            long? written = await _store.WriteAsync(entry.Key, payload, entry.Tags, entry.Expiration, since, limit.Token).ConfigureAwait(false);
            if (written is { } at) Keep(load, entry, payload, value, entry.Tags, at, entry.Expiration, sent);
            else Interlocked.Increment(ref _outdated);
        }
        catch (Exception error) when (IsNoAnswer(error, stop) || error is ClustronException)
        {
            _log.LogWarning(error, "The cache could not write '{Key}', and goes on without: {Reason}", entry.Key, error.Message);
        }
        return payload;
    }

    /// <param name="load">Told what happens meanwhile.</param>
    /// <param name="entry">What was asked for.</param>
    /// <param name="payload">Serialized.</param>
    /// <param name="value">The object.</param>
    /// <param name="tags">Of the entry in the cluster.</param>
    /// <param name="revision">Of the entry in the cluster.</param>
    /// <param name="left">Until it ends in the cluster, …</param>
    /// <param name="since">… from this timestamp on.</param>
    private void Keep<T>(LocalStore.Load load, Entry entry, byte[] payload, T value, IReadOnlyList<string> tags, long revision, TimeSpan left, long since)
    {
        if (entry.Has(HybridCacheEntryFlags.DisableLocalCacheWrite) || !_backplane.IsLive) return;
        TimeSpan term = left < entry.LocalExpiration ? left : entry.LocalExpiration;
        object? shared = Serializers.IsImmutable<T>() ? value : null;
        _local.Put(load, new LocalEntry(payload, shared, tags, revision, since + (long)(term.TotalSeconds * _time.TimestampFrequency)));
    }

    /// <summary>The cluster could not be asked, or said nothing in time.</summary>
    private static bool IsNoAnswer(Exception error, CancellationToken stop) =>
        error is UncertainException or UnavailableException || (error is OperationCanceledException && !stop.IsCancellationRequested);

    /// <summary>A call's key and how it wants it.</summary>
    private sealed record Entry(string Key, string[] Tags, TimeSpan Expiration, TimeSpan LocalExpiration, HybridCacheEntryFlags Flags)
    {
        public bool Has(HybridCacheEntryFlags flag) => (Flags & flag) != 0;
    }
}
