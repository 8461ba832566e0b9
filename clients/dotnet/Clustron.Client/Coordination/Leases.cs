using System.Globalization;
using Clustron.Internal;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Clustron;

/// <summary>How a lease is granted.</summary>
public sealed record LeaseOptions
{
    /// <summary>1 to 64 bytes; null: one that nobody else has.</summary>
    public string? Id { get; init; }

    /// <summary>A text that <c>LEASE LIST OWNER</c> and presence channels go by, at most 256 bytes; null: the client's name.</summary>
    public string? Owner { get; init; }

    /// <summary>False: nothing is sent by itself; call <see cref="Lease.KeepAliveAsync"/>.</summary>
    public bool KeepAlive { get; init; } = true;
}

/// <summary>A lease as the server tells of it.</summary>
/// <param name="Ttl">As granted.</param>
/// <param name="Remaining">What is left.</param>
/// <param name="Owner">Its text.</param>
/// <param name="Keys">Attached to it, if they were asked for.</param>
public sealed record LeaseInfo(TimeSpan Ttl, TimeSpan Remaining, string Owner, IReadOnlyList<RedisKey> Keys);

/// <summary>A lease in a list.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Ttl">As granted.</param>
/// <param name="Owner">Its text.</param>
/// <param name="Keys">How many are attached.</param>
/// <param name="Revision">Of the grant.</param>
public sealed record LeaseRow(string Id, TimeSpan Ttl, string Owner, long Keys, long Revision);

/// <summary>Leases: named life spans that keys and locks are attached to. Thread-safe.</summary>
public sealed class Leases
{
    private readonly Executor _executor;
    private readonly ClustronOptions _options;
    private readonly ILogger _log;

    internal Leases(Executor executor, ClustronOptions options)
    {
        (_executor, _options) = (executor, options);
        _log = options.LoggerFactory.CreateLogger<Leases>();
    }

    /// <summary>Grants a lease and keeps it alive until it is disposed of.</summary>
    /// <param name="ttl">100 ms to 30 days: how long it outlives this process.</param>
    /// <param name="options">Id, owner, keep-alive.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="ClustronException">Somebody else has a lease with this id.</exception>
    public async Task<Lease> GrantAsync(TimeSpan ttl, LeaseOptions? options = null, CancellationToken cancellation = default)
    {
        options ??= new LeaseOptions();
        long ms = Arguments.Ttl(ttl, nameof(ttl));
        string id = Arguments.Name(options.Id ?? Guid.NewGuid().ToString("N"), nameof(options), 64);
        Command command = Command.Of("LEASE", "GRANT", ms, "ID", id, "OWNER", options.Owner ?? _options.OwnerName);
        var answer = await _executor.RunAsync(command, Repeat.Safe, Limits.None, cancellation).ConfigureAwait(false);
        RedisResult[] reply = answer.Result.Array(command, 3);
        TimeSpan granted = reply[1].Milliseconds();
        // A repeat extends nothing, and a lease of this id may have been there: its time counts from the first attempt, or a keepalive.
        var life = new KeepAlive(_executor.Time, _log, string.Create(CultureInfo.InvariantCulture, $"lease '{id}'"), new Renewal(true, answer.FirstSent, granted));
        var lease = new Lease(_executor, life, id, granted, (long)reply[2], options.KeepAlive);
        if (options.Id is not null || answer.Repeated) await lease.KeepAliveAsync(cancellation).ConfigureAwait(false);
        return lease;
    }

    /// <summary>What the server knows of a lease; null if it is gone.</summary>
    public async Task<LeaseInfo?> GetAsync(string id, bool withKeys = false, CancellationToken cancellation = default)
    {
        Command command = withKeys ? Command.Of("LEASE", "TTL", id, "KEYS") : Command.Of("LEASE", "TTL", id);
        RedisResult reply = await _executor.AskAsync(command, Repeat.Read, cancellation).ConfigureAwait(false);
        if (reply.IsNull) return null;
        RedisResult[] parts = reply.Array(command, 3);
        IReadOnlyList<RedisKey> keys = parts.Length > 3 ? [.. parts[3].Array(command).Select(k => (RedisKey)k)] : [];
        return new LeaseInfo(parts[0].Milliseconds(), parts[1].Milliseconds(), parts[2].Text() ?? "", keys);
    }

    /// <summary>Ends a lease of anybody at once. Returns how many keys were deleted with it; 0 also if it was gone.</summary>
    public Task<long> RevokeAsync(string id, CancellationToken cancellation = default) => RevokeAsync(_executor, id, cancellation);

    /// <summary>Takes keys out of their leases, so that they live on. Returns how many had one.</summary>
    public async Task<long> DetachAsync(IEnumerable<RedisKey> keys, CancellationToken cancellation = default) =>
        (long)await _executor.WriteAsync(Command.Of("LEASE", ["DETACH", .. keys.Select(k => (object)k)]), RequestId.New(), cancellation).ConfigureAwait(false);

    /// <summary>The leases there are, by their ids; of one owner text if it is given.</summary>
    public IAsyncEnumerable<LeaseRow> ListAsync(string? owner = null, CancellationToken cancellation = default) =>
        Pages.ListAsync(
            _executor, "LEASE", owner is null ? [] : ["OWNER", owner], 5,
            row => new LeaseRow(row[0].Text()!, row[1].Milliseconds(), row[2].Text() ?? "", (long)row[3], (long)row[4]), cancellation);

    internal static async Task<long> RevokeAsync(Executor executor, string id, CancellationToken cancellation, TimeSpan? left = null)
    {
        Command command = Command.Of("LEASE", "REVOKE", id);
        var answer = await executor.RunAsync(command, Repeat.Safe, LockHandle.EndLimits(left), cancellation).ConfigureAwait(false);
        RedisResult[] reply = answer.Result.Array(command, 1);
        return reply.Length > 1 ? (long)reply[1] : 0;
    }
}
