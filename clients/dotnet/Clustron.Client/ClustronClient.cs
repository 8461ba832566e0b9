using Clustron.Internal;
using StackExchange.Redis;

namespace Clustron;

/// <summary>
/// Clustron over one multiplexer that every thread shares; make one and keep it. Nothing here blocks the connection, and nothing depends on
/// which connection or node a command takes. Thread-safe.
/// </summary>
public sealed class ClustronClient : IAsyncDisposable, IDisposable
{
    private readonly Executor _executor;
    private readonly bool _owned;

    /// <summary>Over a multiplexer that stays the caller's.</summary>
    public ClustronClient(IConnectionMultiplexer multiplexer, ClustronOptions? options = null) : this(multiplexer, options ?? new ClustronOptions(), false) { }

    private ClustronClient(IConnectionMultiplexer multiplexer, ClustronOptions options, bool owned)
        : this(new MultiplexerPort(multiplexer, options.Database), options)
    {
        (Multiplexer, _owned) = (multiplexer, owned);
        Database = multiplexer.GetDatabase(options.Database);
    }

    internal ClustronClient(ICommandPort port, ClustronOptions options)
    {
        options.Check();
        _executor = new Executor(port, options);
        // The ways that need no multiplexer work on a fake of the tests.
        Multiplexer = null!;
        Database = null!;
        KeyValue = new KeyValueStore(_executor);
        Counters = new Counters(_executor);
        Leases = new Leases(_executor, options);
        Locks = new Locks(_executor, options);
        Elections = new Elections(_executor, Locks, options);
        Transactions = new Transactions(_executor);
        Once = new Once(_executor);
        Watch = new Watches(_executor, options);
        Indexes = new Indexes(_executor);
    }

    /// <summary>Connects. Does not fail if no node can be reached yet: commands wait for one.</summary>
    public static Task<ClustronClient> ConnectAsync(string configuration) => ConnectAsync(new ClustronOptions { Configuration = configuration });

    /// <inheritdoc cref="ConnectAsync(string)"/>
    public static async Task<ClustronClient> ConnectAsync(ClustronOptions options) =>
        new(await ConnectionMultiplexer.ConnectAsync(options.Parsed()).ConfigureAwait(false), options, true);

    internal static ClustronClient Connect(ClustronOptions options) => new(ConnectionMultiplexer.Connect(options.Parsed()), options, true);

    /// <summary>The connection.</summary>
    public IConnectionMultiplexer Multiplexer { get; }

    /// <summary>StackExchange.Redis's own calls, for everything that is Redis's.</summary>
    public IDatabase Database { get; }

    /// <summary>Values with revisions; compare-and-set.</summary>
    public KeyValueStore KeyValue { get; }

    /// <summary>Counters with bounds.</summary>
    public Counters Counters { get; }

    /// <summary>Life spans.</summary>
    public Leases Leases { get; }

    /// <summary>Locks, readers and writers, semaphores.</summary>
    public Locks Locks { get; }

    /// <summary>Leaders with terms.</summary>
    public Elections Elections { get; }

    /// <summary>All or nothing.</summary>
    public Transactions Transactions { get; }

    /// <summary>Exactly once.</summary>
    public Once Once { get; }

    /// <summary>Changes of keys as they happen.</summary>
    public Watches Watch { get; }

    /// <summary>Indexes, labels and queries.</summary>
    public Indexes Indexes { get; }

    /// <summary>A rate limit that all who name this key share.</summary>
    public ClustronRateLimiter CreateRateLimiter(RedisKey key, ClustronRateLimiterOptions options) => new(_executor, key, options);

    /// <summary>Sends any command, and repeats it only if it certainly did not happen, or if it has a request id.</summary>
    public Task<RedisResult> ExecuteAsync(Command command, RequestId? request = null, CancellationToken cancellation = default) =>
        _executor.WriteAsync(command, request, cancellation);

    /// <summary>
    /// Sends a command that changes nothing, and repeats it, on other nodes too, until it is answered. A write through this may be done twice.
    /// </summary>
    public Task<RedisResult> ReadAsync(Command command, CancellationToken cancellation = default) =>
        _executor.AskAsync(command, Repeat.Read, cancellation);

    /// <summary>Closes the connection if <see cref="ConnectAsync(string)"/> made it. Dispose handles first: they release over it.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_owned) await Multiplexer.DisposeAsync().ConfigureAwait(false);
    }

    /// <inheritdoc cref="DisposeAsync"/>
    public void Dispose()
    {
        if (_owned) Multiplexer.Dispose();
    }
}
